"""``python -m benchmarks.arm.device``: does the built wheel do on Arm what it does here?"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.arm.__main__ import PROCESSORS
from benchmarks.parts import load_later
from edge_runtime.commands.console import run_command


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.arm.device",
        description="Build the wheel, install it here and in an emulated aarch64 user space, run siamlite doctor, "
        "enroll and verify on both with the tower that comes with it, and compare what they say and every step.",
    )
    add = parser.add_argument
    add("--people", type=int, default=2, metavar="N", help="how many of the AT&T people (default: 2)")
    add(
        "--processor", nargs="+", default=list(PROCESSORS), metavar="MODEL",
        help=f"processors to emulate, by qemu's names (default: {' '.join(PROCESSORS)})",
    )  # fmt: skip
    add("--qemu", type=Path, metavar="PATH", help="an emulator of aarch64 programs (default: Debian's, in the cache)")
    add("--files", type=Path, metavar="DIR", help="folder with the .deb and .whl files, for use without network")
    add("--json", action="store_true", help="print the result as JSON on standard output")
    add("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=load_later("benchmarks.arm.device", "run"))
    return parser


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None))
