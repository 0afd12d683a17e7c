"""``python -m benchmarks.demo``: people enrolled and verified on a rendered video by the tower that ships."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.demo.folder import add_options
from edge_runtime.commands.console import run_command

_ROOT = Path(__file__).resolve().parents[2]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.demo",
        description="Enrol people of the AT&T faces with the tower that ships, verify them and strangers on a rendered "
        "video, and write a report with pictures.",
    )
    add_options(parser, out=_ROOT / "demo", seed_is="of who visits, and of the video")

    def run(arguments: argparse.Namespace) -> int:
        from benchmarks.demo.run import main

        return main(arguments, root=_ROOT)

    parser.set_defaults(run=run)
    return parser


if __name__ == "__main__":
    raise SystemExit(run_command(_parser(), None))
