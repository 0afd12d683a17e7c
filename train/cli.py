"""The command ``python -m train``: one file of :mod:`train.commands` for each sub-command."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from edge_runtime.commands.console import run_command
from train.commands import (
    calibrate,
    classify,
    compare,
    duplicates,
    evaluate,
    fit,
    import_dlib,
    import_landmarks,
    narrow,
    prepare,
    recut,
    show,
    similar,
    towers,
)

# In the order in which a user comes to need them. A module has ``add(commands)``.
COMMANDS = (
    prepare,
    recut,
    show,
    towers,
    import_dlib,
    import_landmarks,
    narrow,
    fit,
    evaluate,
    calibrate,
    compare,
    classify,
    similar,
    duplicates,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: The words of the command line after the program's name; ``sys.argv`` if None.

    Returns:
        The exit code: 0 done, 1 a check said no, 2 usage or input, 3 fault, 130 interrupted.
    """
    return run_command(
        make_parser(),
        arguments,
        talk=True,
        interrupted="interrupted. What prepare or fit has finished is kept; the same command goes on from there.",
    )


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m train", description="Train a Siamese face tower.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add(commands)
    for command in commands.choices.values():
        command.add_argument("--json", action="store_true", help="print the result as one line of JSON")
        command.add_argument("--debug", action="store_true", help="show what went wrong in full")
    return parser
