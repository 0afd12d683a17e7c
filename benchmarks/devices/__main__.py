"""``python -m benchmarks.devices``: docs/devices.md out of the stored results of ``siamlite bench --json``."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.parts import load_later
from edge_runtime.commands.console import run_command

_ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).resolve().parent / "results"


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.devices",
        description="Write docs/devices.md from the stored results of siamlite bench --json.",
    )
    add = parser.add_argument
    add(
        "--results",
        type=Path,
        default=RESULTS,
        metavar="DIR",
        help="folder of them (default: benchmarks/devices/results)",
    )
    add("--out", type=Path, default=_ROOT / "docs/devices.md", metavar="FILE", help="default: docs/devices.md")
    add("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=load_later("benchmarks.devices", "page"))
    return parser


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None))
