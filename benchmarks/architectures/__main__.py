"""``python -m benchmarks.architectures``: train networks for equally long, and put them into docs/architectures.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.parts import load_later
from edge_runtime.commands.console import run_command

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parents[1]
CANDIDATES = _HERE / "candidates.toml"
RESULTS = _HERE / "results.json"
PAGE = _ROOT / "docs/architectures.md"
PLOT = _ROOT / "docs/images/architectures.png"


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.architectures",
        description="Error rates and milliseconds of networks as full int8, each trained for as many minutes of "
        "computing. An interrupted run goes on. Without FACES only the page and the plot are made anew.",
    )
    parser.add_argument("faces", nargs="?", type=Path, metavar="FACES", help="prepared faces, one folder a person")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="to work in, a folder for each network")
    parser.add_argument("--wide", type=Path, metavar="FILE", help=".keras file of import-dlib: to narrow, and teacher")
    parser.add_argument("--wide-faces", type=Path, metavar="FACES", help="the same faces, cut as the wide network's")
    parser.add_argument("--teacher", type=Path, metavar="FILE", help="another teacher: a tower, or a .npz file")
    parser.add_argument("--split", type=Path, metavar="FILE", help="split.json: who is trained on, who is measured")
    parser.add_argument("--candidates", type=Path, default=CANDIDATES, metavar="TOML", help="the networks")
    parser.add_argument("--recipe", default="small", metavar="R", help="the recipe that all are trained by (small)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a value of the recipe")
    parser.add_argument("--minutes", type=float, default=60.0, metavar="M", help="of computing for each network (60)")
    parser.add_argument("--judges", type=int, default=1024, metavar="N", help="faces to narrow by (1024)")
    parser.add_argument("--calibration", type=int, default=300, metavar="N", help="faces to set int8 ranges with (300)")
    parser.add_argument("--people", type=int, metavar="N", help="people to measure on (all who are kept aside)")
    parser.add_argument("--repeats", type=int, default=200, metavar="N", help="timed runs of each network (200)")
    parser.add_argument("--finished", action="store_true", help="leave out networks that are not trained yet")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE", help="the figures as JSON")
    parser.add_argument("--page", type=Path, default=PAGE, metavar="FILE", help="default: docs/architectures.md")
    parser.add_argument(
        "--plot", type=Path, default=PLOT, metavar="FILE", help="default: docs/images/architectures.png"
    )
    parser.add_argument("--json", action="store_true", help="the results as one line of JSON")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=load_later("benchmarks.architectures", "run"))
    return parser


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None, interrupted="interrupted; the same command goes on"))
