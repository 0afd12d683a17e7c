"""``python -m benchmarks.demo_train``: the whole way once, on real faces."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.demo.folder import add_options
from edge_runtime.commands.console import run_command

_ROOT = Path(__file__).resolve().parents[2]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.demo_train",
        description="Train a tower on the AT&T faces, export it, enrol people that it has never seen, verify them on "
        "a rendered video, and write a report with pictures.",
    )
    add_options(parser, out=_ROOT / "demo-train", seed_is="of the split, the training and the video")
    parser.add_argument("--epochs", type=int, help="train for so many epochs; the recipe has none")
    parser.add_argument("--train-people", type=int, default=30, help="people to train on (default: 30)")

    def run(arguments: argparse.Namespace) -> int:
        from benchmarks.demo_train.run import main

        return main(arguments, root=_ROOT)

    parser.set_defaults(run=run)
    return parser


if __name__ == "__main__":
    raise SystemExit(run_command(_parser(), None))
