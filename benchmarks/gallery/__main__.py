"""``python -m benchmarks.gallery``: what a gallery endures, and what it costs."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_runtime.commands.console import EXIT_OK, EXIT_REFUSED, emit, run_command, table
from edge_runtime.files import write_json

TRIALS = ("kills", "disk", "readers", "bits", "cost", "million")
# What no trial may find any of.
_NEVER = ("lost", "left", "half", "errors", "stale", "wrong", "crashes", "decisions_that_differ")


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gallery",
        description="Kill enrolments, fill the disk, read while others write, flip every bit, time the protection, and "
        "enrol a million people. Exit code 1 if anything was lost, wrong, stale or half-written.",
    )
    add = parser.add_argument
    add("trial", nargs="*", metavar="TRIAL", help=f"which of {', '.join(TRIALS)} (default: all)")
    add("--kills", type=int, default=500, metavar="N", help="processes to kill (default: 500)")
    add("--rounds", type=int, default=40, metavar="N", help="disks to fill (default: 40)")
    add("--readers", type=int, default=10, metavar="N", help="processes that read (default: 10)")
    add("--seconds", type=float, default=60, metavar="S", help="how long they do (default: 60)")
    add("--stride", type=int, default=1, metavar="N", help="flip each so many-th bit only (default: 1)")
    add("--comparisons", type=int, default=100_000, metavar="N", help="comparisons of cost (default: 100000)")
    add("--people", type=int, default=1_000_000, metavar="N", help="people of million (default: 1000000)")
    add("--probes", type=int, default=1000, metavar="N", help="searches of million (default: 1000)")
    add("--connections", type=_numbers, default=(16,), metavar="N,…", help="edges of a row of the index (default: 16)")
    add("--efforts", type=_numbers, default=(64, 256, 1024), metavar="N,…", help="of searches (default: 64,256,1024)")
    add("--length", type=int, default=128, metavar="D", help="length of their embeddings (default: 128)")
    add("--work", type=Path, metavar="DIR", help="for the galleries (default: a temporary folder)")
    add("--out", type=Path, metavar="FILE", help="write the results as JSON")
    add("--json", action="store_true", help="print the results as JSON on standard output")
    add("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=_run)
    return parser


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(","))


def _run(options: argparse.Namespace) -> int:
    from edge_runtime.errors import UsageError

    unknown = sorted(set(options.trial) - set(TRIALS))
    if unknown:
        raise UsageError(f"there is no trial {unknown[0]!r}; there are {', '.join(TRIALS)}.")
    work = options.work or Path(tempfile.mkdtemp(prefix="siamlite-gallery-"))
    results: dict[str, Any] = {}
    try:
        for name, trial in _trials(options, work).items():
            if not options.trial or name in options.trial:
                results[name] = trial()
                if not options.json:
                    print(f"{name}\n{_words(results[name])}\n", flush=True)
    finally:
        if options.work is None:
            shutil.rmtree(work, ignore_errors=True)
    if options.json:
        emit(results)
    if options.out:
        write_json(options.out, results)
    return EXIT_REFUSED if any(map(_bad, results.values())) else EXIT_OK


def _trials(options: argparse.Namespace, work: Path) -> dict[str, Callable[[], Any]]:
    from benchmarks.gallery.bits import bits
    from benchmarks.gallery.cost import cost
    from benchmarks.gallery.disk import full_disk
    from benchmarks.gallery.kills import kills
    from benchmarks.gallery.million import million
    from benchmarks.gallery.readers import readers

    return {
        "kills": lambda: kills(work / "kills", count=options.kills),
        "disk": lambda: full_disk(work / "disk", rounds=options.rounds),
        "readers": lambda: readers(work / "readers", count=options.readers, seconds=options.seconds),
        "bits": lambda: bits(work / "bits", stride=options.stride),
        "cost": lambda: cost(comparisons=options.comparisons),
        "million": lambda: million(
            work / "million",
            count=options.people,
            length=options.length,
            probes=options.probes,
            connections=options.connections,
            efforts=options.efforts,
        ),
    }


def _bad(result: Any) -> bool:
    rows = result if isinstance(result, list) else [result]
    return any(row.get(name, 0) for row in rows for name in _NEVER)


def _words(result: Any) -> str:
    if isinstance(result, dict):
        return table([[name, str(value)] for name, value in result.items()])
    names = list(dict.fromkeys(name for row in result for name in row))
    return table([names, *([str(row.get(name, "")) for name in names] for row in result)])


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None))
