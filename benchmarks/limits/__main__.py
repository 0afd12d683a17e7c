"""``python -m benchmarks.limits``: how far is each model from what this machine could do at most?"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from edge_runtime.commands.console import run_command

_ROOT = Path(__file__).resolve().parents[2]
_HERE = Path(__file__).resolve().parent


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.limits",
        description="Hold the models' products and bytes against what one core of this machine can multiply and move, "
        "and count the instructions of one embedding and one detection.",
    )
    add = parser.add_argument
    add("--model", type=Path, nargs="+", default=[], metavar="FILE", help="more .tflite files to measure")
    add("--float", type=Path, metavar="FILE", help="the tower accurate as a float32 .tflite file")
    add("--rounds", type=int, default=21, metavar="N", help="rounds in which everything is timed (default: 21)")
    add("--no-probes", action="store_true", help="take numpy's product for the only peak, and leave int8 out")
    add("--no-count", action="store_true", help="do not count instructions")
    add("--times", type=int, default=2, metavar="N", help="count N and 2N times of each (default: 2)")
    add("--valgrind", default="valgrind", metavar="PATH", help="valgrind (default: the one that is installed)")
    add("--files", type=Path, metavar="DIR", help="folder with the detectors' wheel, for use without network")
    add("--work", type=Path, default=_ROOT / "runs/limits", metavar="DIR", help="for probes (default: runs/limits)")
    add("--out", type=Path, default=_HERE, metavar="DIR", help="for result.json and roofline.png (default: here)")
    add("--json", action="store_true", help="print the result as JSON on standard output")
    add("--debug", action="store_true", help="show tracebacks")

    def run(arguments: argparse.Namespace) -> int:
        # One thread for numpy's own products too; it is asked for before numpy is loaded.
        os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
        from benchmarks.limits.run import main

        return main(arguments)

    parser.set_defaults(run=run)
    return parser


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None))
