"""``python -m benchmarks.compare``: has anything become slower than in the run that is kept of this device?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.suite.change import LEAST_CHANGE, Change, compare_runs
from benchmarks.suite.machine import describe_machine
from benchmarks.suite.record import CLOCKS
from benchmarks.suite.results import BASELINE, RESULTS, newest_run, read_run
from edge_runtime.commands.console import EXIT_OK, EXIT_REFUSED, emit, run_command, say, table
from edge_runtime.errors import UsageError


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare",
        description="Two runs of `make bench` on one device, by the ratio of every benchmark to the reference kernels "
        "of its own run. Slower is what is slower by more than 10 % and by more than the passes of both runs differ "
        "among themselves. Exit code 1 if anything is.",
    )
    add = parser.add_argument
    add("newer", nargs="?", type=Path, metavar="RUN", help="the run to judge (default: this device's newest)")
    add("older", nargs="?", type=Path, metavar="RUN", help="the older run (default: the device's baseline)")
    add("--by", choices=CLOCKS, default=CLOCKS[0], help="time of the processor, or of the clock (default: computed)")
    add("--least", type=float, default=LEAST_CHANGE, metavar="X", help="least change that counts (default: 0.1)")
    add("--all", action="store_true", help="print the benchmarks that did not change as well")
    add("--json", action="store_true", help="print the result as JSON on standard output")
    add("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> int:
    if not 0 < options.least < 10:
        raise UsageError(f"the least change is a fraction above 0, such as 0.1, not {options.least:g}.")
    path = options.newer or newest_run(RESULTS / describe_machine()["folder"])
    after = read_run(path)
    before = read_run(options.older or RESULTS / after["machine"]["folder"] / f"{BASELINE}.json")
    _check_alike(before, after)
    changes = compare_runs(before["benchmarks"], after["benchmarks"], clock=options.by, least=options.least)
    slower = [change.name for change in changes if change.verdict == "slower"]
    if options.json:
        emit(
            {
                "before": _named(before),
                "after": _named(after),
                "by": options.by,
                "slower": slower,
                "changes": [change.as_mapping() for change in changes],
            }
        )
    else:
        print(table(rows(changes, everything=options.all)))
        say(f"{len(changes)} benchmarks, {len(slower)} slower, {_blunt(changes)} whose passes differ too much for 25 %")
    return EXIT_REFUSED if slower else EXIT_OK


def rows(changes: list[Change], *, everything: bool) -> list[list[str]]:
    """The table: what changed, and what did not if it is asked for."""
    lines = [["benchmark", "before", "after", "change", "counts above", "verdict"]]
    for one in changes:
        if everything or one.verdict != "same":
            ratios = ["–" if value is None else f"{value:.3g}" for value in (one.before, one.after)]
            change = "–" if one.change is None else f"{one.change:+.0%}"
            lines.append([one.name, *ratios, change, "–" if one.bound is None else f"{one.bound:.0%}", one.verdict])
    return lines


def _blunt(changes: list[Change]) -> int:
    return sum(one.bound is not None and one.bound > 0.25 for one in changes)


def _named(run: dict[str, Any]) -> dict[str, Any]:
    return {key: run[key] for key in ("made", "commit", "command", "load_processes")}


def _check_alike(before: dict[str, Any], after: dict[str, Any]) -> None:
    names = [run["machine"]["name"] for run in (before, after)]
    if names[0] != names[1]:
        raise UsageError(f"a run of {names[1]} cannot be judged by one of {names[0]}: give two runs of one device.")


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None))
