"""``python -m benchmarks.run``: all speed suites in several passes, and one file of what they gave."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from importlib.util import find_spec
from pathlib import Path

from benchmarks.suite.machine import commit, describe_machine
from benchmarks.suite.passes import ROOT, busy, run_passes
from benchmarks.suite.record import condense, kernel_times
from benchmarks.suite.results import RESULTS
from benchmarks.suite.towers import recipe_folder
from edge_runtime.commands.console import EXIT_OK, emit, run_command, say
from edge_runtime.errors import UsageError
from edge_runtime.files import refuse_overwrite, write_json

_FEWEST_PASSES = 3


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run",
        description="Times every stage beside the reference kernels in several passes, each a process of its own, "
        "scores the towers that it times, and writes benchmarks/results/DEVICE/NAME.json.",
    )
    add = parser.add_argument
    add("--name", metavar="NAME", help="name of the run (default: date and time)")
    add("--passes", type=int, default=5, metavar="N", help="passes of the device's stages (default: 5, at least 3)")
    add("--desktop-passes", type=int, default=3, metavar="N", help="of training and export (default: 3; 0 for none)")
    add("--times-only", action="store_true", help="do not score the towers that are timed")
    add("--load", type=int, default=0, metavar="N", help="keep so many processes busy meanwhile (default: 0)")
    add("--results", type=Path, default=RESULTS, metavar="DIR", help="default: benchmarks/results")
    add("--force", action="store_true", help="replace a run of that name")
    add("--json", action="store_true", help="print the path and the machine as JSON on standard output")
    add("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> int:
    name = options.name or datetime.now(timezone.utc).strftime("%Y-%m-%d-%H%M%S")
    if options.passes < _FEWEST_PASSES or options.desktop_passes in (1, 2) or options.desktop_passes < 0:
        raise UsageError("the spread of fewer than 3 passes says nothing: --passes 3 or more.")
    if not re.fullmatch(r"[\w-]{1,60}", name) or not 0 <= options.load <= 64:
        raise UsageError("a run's name is of letters, digits and dashes, and --load is from 0 to 64.")
    machine, checked_out = describe_machine(), commit()
    target = options.results / machine["folder"] / f"{name}.json"
    refuse_overwrite(target, force=options.force)
    _make_towers()
    with tempfile.TemporaryDirectory() as scratch, busy(options.load):
        documents, passes = run_passes(Path(scratch), "stages", options.passes, scored=not options.times_only)
        if options.desktop_passes and find_spec("tensorflow") is None:
            say("no TensorFlow here: training and export are left out")
        elif options.desktop_passes:
            more = run_passes(Path(scratch), "desktop", options.desktop_passes)
            documents, passes = documents + more[0], passes + more[1]
    run = {
        "made": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "command": _typed(options),
        "commit": checked_out,
        "machine": machine,
        "load_processes": options.load,
        "passes": passes,
        "kernels": kernel_times(documents),
        "benchmarks": condense(documents),
    }
    say(f"written: {write_json(target, run)}")
    say("next: make bench-compare, or make bench-page")
    if options.json:
        emit({"path": str(target), "machine": machine, "benchmarks": len(run["benchmarks"])})
    return EXIT_OK


def _typed(options: argparse.Namespace) -> str:
    """The command that gives such a run again."""
    parser, words = make_parser(), ["python", "-m", "benchmarks.run"]
    for key in ("name", "passes", "desktop_passes", "load"):
        if getattr(options, key) != parser.get_default(key):
            words += [f"--{key.replace('_', '-')}", str(getattr(options, key))]
    words += ["--times-only"] if options.times_only else []
    return shlex.join(words)


def _make_towers() -> None:
    """Make the trial tower by every recipe, once; what cannot be made is skipped by the suites, with the reason."""
    if find_spec("tensorflow") is None or (recipe_folder() / "made.json").is_file():
        return
    say("making the trial tower by every recipe, once")
    ran = subprocess.run([sys.executable, "-m", "benchmarks.suite.towers"], cwd=ROOT, stdout=sys.stderr, check=False)
    if ran.returncode:
        say("the trial tower could not be made; the suites go on without it")


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None))
