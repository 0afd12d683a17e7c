"""The ``siamlite`` command."""

from __future__ import annotations

import argparse

from edge_runtime import __version__
from edge_runtime.commands import bench, decide, doctor, enroll, gallery, service, setup, trust
from edge_runtime.commands.console import run_command
from edge_runtime.commands.options import EXITS

_COMMANDS = (setup, enroll, decide, gallery, service, trust, bench, doctor)


def main(argv: list[str] | None = None) -> int:
    """Run ``siamlite``; returns the exit code."""
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
