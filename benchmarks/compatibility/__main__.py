"""``python -m benchmarks.compatibility``: which recipes run where, how truly and how fast."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.parts import load_later
from edge_runtime.commands.console import run_command
from export.preflight.table import TABLE

_ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).resolve().parent / "results.json"


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compatibility",
        description="Run every recipe in every interpreter, each in an environment of its own (make runtimes).",
    )
    parts = parser.add_subparsers(title="parts", required=True, metavar="PART")
    matrix = parts.add_parser("matrix", help="three towers by every recipe in three interpreters: truth and latency")
    matrix.add_argument("--pictures", type=int, default=60, metavar="N", help="faces of strangers (default: 60)")
    matrix.add_argument("--rounds", type=int, default=60, metavar="N", help="timed runs of each file (default: 60)")
    matrix.set_defaults(run=load_later("benchmarks.compatibility", "matrix"))
    table = parts.add_parser("table", help="what preflight knows: operators, versions and types of each interpreter")
    table.add_argument("--table", type=Path, default=TABLE, metavar="FILE", help="the file to write")
    table.set_defaults(run=load_later("benchmarks.compatibility", "table"))
    page = parts.add_parser("page", help="write docs/compatibility.md from the results")
    page.add_argument(
        "--out", type=Path, default=_ROOT / "docs/compatibility.md", metavar="FILE", help="default: that page"
    )
    page.set_defaults(run=load_later("benchmarks.compatibility", "page"))
    for command in (matrix, table):
        command.add_argument(
            "--work", type=Path, default=_ROOT / "runs/seeds", metavar="DIR", help="for runs (default: runs/seeds)"
        )
        command.add_argument("--wheels", type=Path, metavar="DIR", help="folder with the wheels, without network")
    for command in (matrix, page):
        command.add_argument("--results", type=Path, default=RESULTS, metavar="FILE", help="the JSON file")
    for command in parts.choices.values():
        command.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None))
