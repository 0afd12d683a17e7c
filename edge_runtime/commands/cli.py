"""The ``siamlite`` command."""

from __future__ import annotations

import argparse
import os

from edge_runtime import __version__
from edge_runtime.commands import (
    audit,
    bench,
    calibrate,
    compare,
    decide,
    doctor,
    enroll,
    gallery,
    lockout,
    pad_report,
    service,
    setup,
    trust,
)
from edge_runtime.commands.console import run_command
from edge_runtime.commands.options import EXITS

_COMMANDS = (
    setup,
    enroll,
    calibrate,
    decide,
    compare,
    gallery,
    lockout,
    audit,
    service,
    trust,
    pad_report,
    bench,
    doctor,
)


def main(argv: list[str] | None = None) -> int:
    """Run ``siamlite``; returns the exit code."""
    # numpy's OpenBLAS would start a thread for each core as soon as it is imported; --threads is for the models.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    return run_command(build_parser(), argv)


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="siamlite", description="Verify the person in front of a camera, on this device alone.", epilog=EXITS
    )
    parser.add_argument("--version", action="version", version=f"siamlite {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add(commands)
    return parser
