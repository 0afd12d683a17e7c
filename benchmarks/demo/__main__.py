"""``python -m benchmarks.demo``: the whole way once, on real faces."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_runtime.commands.console import run_command

_ROOT = Path(__file__).resolve().parents[2]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.demo",
        description="Train a tower on the AT&T faces, export it, enrol people that it has never seen, verify them on "
        "a rendered video, and write a report with pictures.",
    )
    parser.add_argument("--out", type=Path, default=_ROOT / "demo", help="folder for everything (default: demo)")
    parser.add_argument("--wheels", type=Path, help="folder with the wheels, for use without network")
    parser.add_argument("--epochs", type=int, help="train for so many epochs; the recipe has none")
    parser.add_argument("--seed", type=int, default=1, help="of the split, the training and the video (default: 1)")
    parser.add_argument("--train-people", type=int, default=30, help="people to train on (default: 30)")
    parser.add_argument("--visitors", type=int, default=10, help="people in the video, half of them enrolled")
    parser.add_argument("--json", action="store_true", help="print the result as JSON on standard output")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")

    def run(arguments: argparse.Namespace) -> int:
        from benchmarks.demo.run import main

        return main(arguments, root=_ROOT)

    parser.set_defaults(run=run)
    return parser


if __name__ == "__main__":
    raise SystemExit(run_command(_parser(), None))
