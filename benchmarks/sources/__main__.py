"""``python -m benchmarks.sources``: what becomes of a source that is pulled again and again, or runs for long."""

from __future__ import annotations

import argparse

from benchmarks.parts import load_later
from edge_runtime.commands.console import run_command


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sources", description=__doc__)
    parts = parser.add_subparsers(title="parts", required=True, metavar="PART")
    deaths = parts.add_parser("deaths", help="a network camera is stopped and started again, many times")
    deaths.add_argument("--camera", choices=["http", "rtsp"], default="http", help="which kind (default: http)")
    deaths.add_argument("--times", type=int, default=100, metavar="N", help="how often (default: 100)")
    deaths.set_defaults(run=load_later("benchmarks.sources", "deaths"))
    memory = parts.add_parser("memory", help="resident memory over many frames of a video that is played in a loop")
    memory.add_argument(
        "--through",
        choices=["file", "live", "pipeline"],
        default="file",
        help="every frame of a file, opened for each round; a live source that is lost at the end of each; or all "
        "that siamlite watch does, with the tower accurate, people who come and go, and the audit log",
    )
    memory.add_argument("--frames", type=int, default=100_000, metavar="N", help="how many (default: 100000)")
    memory.add_argument("--warm-up", type=int, default=5_000, metavar="N", help="frames before it counts (5000)")
    memory.set_defaults(run=load_later("benchmarks.sources", "memory"))
    for command in parts.choices.values():
        command.add_argument("--json", action="store_true", help="print JSON on standard output instead of words")
        command.add_argument("--debug", action="store_true", help="log what happens and show tracebacks")
    return parser


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None))
