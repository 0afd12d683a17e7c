"""``python -m benchmarks.fuzz``: foreign bytes for every parser, guided by what they reach in the code."""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import tempfile
from pathlib import Path
from typing import Any

from edge_runtime.commands.console import EXIT_OK, EXIT_REFUSED, emit, run_command, say, table
from edge_runtime.files import write_json


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fuzz",
        description="Fuzz the parsers that meet foreign bytes. Exit code 1 if one broke the contract: the right "
        "result, or an error in one line; within 2 s and 300 MiB.",
    )
    add = parser.add_argument
    add("target", nargs="*", metavar="TARGET", help="which (default: all; --list shows them)")
    add("--list", action="store_true", help="list the targets")
    add("--seconds", type=float, default=60, metavar="S", help="how long each (default: 60)")
    add("--seed", type=int, default=1, metavar="N", help="what the mutations begin with (default: 1)")
    add("--work", type=Path, metavar="DIR", help="keep inputs and findings there, and go on from those of earlier runs")
    add("--out", type=Path, metavar="FILE", help="write the results as JSON")
    add("--json", action="store_true", help="print the results as JSON on standard output")
    add("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> int:
    from benchmarks.fuzz.run import fuzz
    from benchmarks.fuzz.targets import TARGETS
    from edge_runtime.errors import MissingDependency, UsageError

    if options.list:
        print(table([[target.name, target.what] for target in TARGETS.values()]))
        return EXIT_OK
    unknown = sorted(set(options.target) - set(TARGETS))
    if unknown:
        raise UsageError(f"there is no target {unknown[0]!r}; there are {', '.join(TARGETS)}.")
    if importlib.util.find_spec("atheris") is None:
        raise MissingDependency("fuzzing needs atheris, in an environment of its own. Run: make fuzz")
    work = options.work or Path(tempfile.mkdtemp(prefix="siamlite-fuzz-"))
    results: list[dict[str, Any]] = []
    try:
        for name in options.target or TARGETS:
            results.append(fuzz(name, work / name, seconds=options.seconds, start=options.seed))
            _tell(results[-1], work / name)
    finally:
        if options.work is None and not any(row["findings"] for row in results):
            shutil.rmtree(work, ignore_errors=True)
    _report(results, options)
    return EXIT_REFUSED if any(row["findings"] for row in results) else EXIT_OK


def _tell(row: dict[str, Any], folder: Path) -> None:
    say(f"{row['target']}: {row['cases']:,} cases in {row['seconds']} s, {len(row['findings'])} found")
    for finding in row["findings"]:
        say(f"  {finding['kind']} at {finding['where'] or '?'}: {finding['words']} ({folder / finding['input']})")


def _report(results: list[dict[str, Any]], options: argparse.Namespace) -> None:
    if options.out:
        write_json(options.out, results)
    if options.json:
        emit(results)
        return
    heading = ["target", "cases", "refused", "branches", "seconds", "found"]
    rows = [
        [
            r["target"],
            f"{r['cases']:,}",
            f"{r['refused']:,}",
            str(r["covered"]),
            str(r["seconds"]),
            str(len(r["findings"])),
        ]
        for r in results
    ]
    print(table([heading, *rows]))


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None))
