"""``python -m benchmarks.arm``: does an exported tower give the same bytes on Arm?"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.parts import load_later
from edge_runtime.commands.console import run_command

_ROOT = Path(__file__).resolve().parents[2]
# Raspberry Pi 3 and Zero 2 W, Pi 4, Pi 5.
PROCESSORS = ("cortex-a53", "cortex-a72", "cortex-a76")


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.arm",
        description="Build an aarch64 user space without privileges, embed faces there and here with the same towers, "
        "and say whether the results are the same bytes.",
    )
    add = parser.add_argument
    add("--tower", type=Path, nargs="+", metavar="FILE", help="tower files, or bare .tflite files (default: makes six)")
    add("--faces", type=Path, metavar="DIR", help="folder of people, prepared or not (default: the AT&T faces)")
    add("--pictures", type=int, default=20, metavar="N", help="how many faces (default: 20)")
    add(
        "--interpreter", nargs="+", metavar="NAME==VERSION",
        help="interpreters to emulate (default: the one that is installed here)",
    )  # fmt: skip
    add(
        "--processor", nargs="+", default=list(PROCESSORS), metavar="MODEL",
        help=f"processors to emulate, by qemu's names (default: {' '.join(PROCESSORS)})",
    )  # fmt: skip
    add("--python", type=Path, metavar="PATH", help="Python to embed with here (default: the one that runs this)")
    add("--qemu", type=Path, metavar="PATH", help="an emulator of aarch64 programs (default: Debian's, in the cache)")
    add("--files", type=Path, metavar="DIR", help="folder with the .deb and .whl files, for use without network")
    add("--sources", type=Path, metavar="FILE", help="list of Debian sources (default: this machine's)")
    add("--work", type=Path, default=_ROOT / "runs/arm", metavar="DIR", help="for towers (default: runs/arm)")
    add("--build-only", action="store_true", help="make the user space, and stop")
    add("--json", action="store_true", help="print the result as JSON on standard output")
    add("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=load_later("benchmarks.arm", "run"))
    return parser


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None))
