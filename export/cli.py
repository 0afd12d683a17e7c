"""The command ``python -m export``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from edge_runtime.commands.console import run_command
from export.commands import adopt, card, compare, convert, keygen, preflight, probe, recipes, restate, sign

_COMMANDS = (convert, adopt, probe, preflight, compare, card, keygen, sign, restate, recipes)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments; those of the process if None.

    Returns:
        Exit code: 0 written, 1 the gate says no, 2 usage or input, 3 fault, 130 interrupted.
    """
    return run_command(make_parser(), argv, talk=True, interrupted="interrupted; nothing was written.")


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m export", description="Export a trained tower as one proven, self-describing .tflite file."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add(commands)
    for added in commands.choices.values():
        added.add_argument("--json", action="store_true", help="print the result as one line of JSON")
        added.add_argument("--debug", action="store_true", help="show what TensorFlow says, and errors in full")
    return parser
