"""The page and the picture of a result that is there."""

from __future__ import annotations

import argparse

from benchmarks.peers.page import plot, section
from edge_runtime.commands.console import EXIT_OK, emit, say
from edge_runtime.files import read_json


def main(arguments: argparse.Namespace) -> int:
    """Print the page, or draw the picture, or both."""
    result = read_json(arguments.out, what="the result of python -m benchmarks.peers")
    if arguments.plot is not None:
        say(f"wrote {plot(result, arguments.plot)}")
    if arguments.json:
        emit(result)
    elif arguments.page:
        print(section(result), end="")
    return EXIT_OK
