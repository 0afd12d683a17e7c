"""``siamlite bench``."""

from __future__ import annotations

import argparse

from edge_runtime.commands.console import EXIT_OK, emit, say, table
from edge_runtime.commands.options import Commands, add_command, set_run, tower_options
from edge_runtime.errors import UsageError


def add(commands: Commands) -> None:
    """Add the command and its options."""
    parser = add_command(commands, "bench", "how long each stage takes on this machine")
    parser.add_argument("--source", help="a frame with a face to time the whole way on (see enroll)")
    tower_options(parser)
    parser.add_argument("--repeats", type=int, default=200, help="timed runs of each stage (default: 200)")
    parser.add_argument("--people", type=int, default=100, help="size of the gallery to match against (default: 100)")
    set_run(parser, _run)


def _run(options: argparse.Namespace) -> int:
    """How long each stage takes on this machine."""
    from edge_runtime.commands.given import load_tower, opened
    from edge_runtime.machine.bench import measure

    if not 1 <= options.repeats <= 100_000 or not 1 <= options.people <= 100_000:
        raise UsageError("repeats and people must be from 1 to 100000.")
    tower, finder = load_tower(options)
    frame = None
    if options.source:
        with opened(options.source) as source:
            frame = next(iter(source))
    result = measure(tower, finder, frame=frame, repeats=options.repeats, people=options.people)
    if options.json:
        emit(result)
        return EXIT_OK
    rows = [[n, f"{t['median_ms']:.2f}", f"{t['p95_ms']:.2f}"] for n, t in result["stages"].items()]
    say(f"{result['tower']['name']} ({result['tower']['recipe']}) on {result['tower']['interpreter']}")
    print(table([["stage", "median ms", "p95 ms"], *rows]))
    return EXIT_OK
