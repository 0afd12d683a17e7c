"""``python -m benchmarks.towers``: measure tower files on people, and put the figures into docs/shipped-towers.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.parts import load_later
from edge_runtime.commands.console import run_command

_ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).resolve().parent / "results"
PAGE = _ROOT / "docs/shipped-towers.md"


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.towers",
        description="Error rates of tower files, float and int8, with bounds: through the device's own detection and "
        "alignment, on prepared faces, and on the AT&T faces. Without a tower only the page is written anew.",
    )
    parser.add_argument(
        "towers", nargs="*", metavar="TOWER", help="a shipped tower's name, or a .tflite file; its card names it"
    )
    parser.add_argument(
        "--float", action="append", default=[], metavar="NAME=PATH", help="the .keras file that a tower came from"
    )
    parser.add_argument("--people", type=Path, metavar="DIR", help="photographs, one folder a person")
    parser.add_argument(
        "--crops", type=Path, metavar="DIR", help="prepared faces, one folder a person, with faces.json"
    )
    parser.add_argument(
        "--descriptors", type=Path, metavar="FILE", help=".npz with path and descriptor: another system on the same"
    )
    parser.add_argument("--index", type=Path, metavar="CSV", help="path,source: which set each picture is from")
    parser.add_argument("--photos", type=Path, metavar="DIR", help="uncropped photographs, to find faces in")
    parser.add_argument("--no-att", action="store_true", help="leave out the AT&T faces")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N people alone: a trial, nothing is recorded")
    parser.add_argument("--wheels", type=Path, metavar="DIR", help="folder with the wheels, without network")
    parser.add_argument(
        "--cache", type=Path, metavar="DIR", help="embeddings that are kept (default: the user's cache)"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help="a JSON file for each tower")
    parser.add_argument("--page", type=Path, default=PAGE, metavar="FILE", help="default: docs/shipped-towers.md")
    parser.add_argument("--force", action="store_true", help="embed anew what the cache holds")
    parser.add_argument("--json", action="store_true", help="the results as one line of JSON")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=load_later("benchmarks.towers", "run"))
    return parser


if __name__ == "__main__":
    raise SystemExit(
        run_command(make_parser(), None, interrupted="interrupted; the same command goes on from the last whole set")
    )
