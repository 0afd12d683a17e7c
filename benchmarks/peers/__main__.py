"""``python -m benchmarks.peers``: siamlite and other face systems, whole pipelines, in one alternating run."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.parts import load_later
from edge_runtime.commands.console import run_command

RESULT = Path(__file__).resolve().parent / "result.json"


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description="Whole pipelines, frame to vector, of siamlite and other face systems: each in an environment of "
        "its own and on one thread, frame by frame in turns. Accuracy on all pairs of the AT&T faces, latency of each "
        "stage, cold start, memory and size.",
    )
    add = parser.add_argument
    add("--peers", nargs="+", metavar="NAME", help="these and siamlite alone (default: all)")
    add("--file", action="append", default=[], metavar="NAME=PATH", help="an embedding file of your own, .tflite or "
        ".onnx, behind YuNet; add ,template=arcface|wide ,mean=127.5 ,scale=127.5 ,colour=rgb|bgr")  # fmt: skip
    add(
        "--weights",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="a file that a peer needs: yunet, sface.onnx, …",
    )
    add("--people", type=Path, metavar="DIR", help="more people, one folder each, beside the AT&T faces")
    add("--label", metavar="TEXT", help="what the result calls them (default: the folder's name)")
    add("--each", type=int, default=0, metavar="N", help="of them the first N pictures a person (default: all)")
    add("--add", action="store_true", help="measure --people alone, and add them to the result that is there")
    add("--limit", type=int, metavar="N", help="the first N people of each set: a trial")
    add("--cold-starts", type=int, default=5, metavar="N", help="how often each process is started anew (default: 5)")
    add("--files", type=Path, metavar="DIR", help="wheels and archives of all packages, without network")
    add("--environments", type=Path, metavar="DIR", help="where environments are made (default: the user's cache)")
    add("--out", type=Path, default=RESULT, metavar="FILE", help="default: benchmarks/peers/result.json")
    add("--page", action="store_true", help="measure nothing: print the page of the result; with --plot draw it too")
    add("--plot", type=Path, metavar="FILE", help="a picture of accuracy against latency")
    add("--json", action="store_true", help="the result as one line of JSON")
    add("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=_run)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    name = "show" if arguments.page or arguments.plot else "run"
    return load_later("benchmarks.peers", name)(arguments)


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None))
