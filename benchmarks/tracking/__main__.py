"""``python -m benchmarks.tracking``: what the tracker saves, and what it costs in accuracy."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from edge_runtime.commands.console import EXIT_OK, emit, run_command, say, table

_ROOT = Path(__file__).resolve().parents[2]


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tracking",
        description="AT&T faces are moved before a rendered camera: ways of following them are timed and held against "
        "the true motion, then whole frames with the tracker and without it, in one alternating run.",
    )
    add = parser.add_argument
    add("--tower", type=Path, default=_ROOT / "tests/data/tiny.tflite", metavar="FILE", help="default: the tests' own")
    add("--people", type=int, default=12, metavar="N", help="how many people (default: 12, at most 40)")
    add("--rate", type=float, default=15.0, metavar="N", help="frames a second (default: 15)")
    add("--rounds", type=int, default=3, metavar="N", help="how often each clip is shown (default: 3)")
    add("--json", action="store_true", help="print the result as JSON on standard output")
    add("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> int:
    import cv2

    from benchmarks.demo.att import extract_att
    from benchmarks.tracking.clips import make_clips
    from benchmarks.tracking.methods import make_methods, measure_methods
    from benchmarks.tracking.whole import measure_whole, scene_changes
    from edge_runtime.decisions.verifier import fitting_finder
    from edge_runtime.errors import UsageError
    from edge_runtime.faces.finder import FaceFinder
    from edge_runtime.fetch import install_detectors
    from edge_runtime.home import cache_folder
    from edge_runtime.towers.tower import Tower

    if not (2 <= options.people <= 40 and 5 <= options.rate <= 60 and options.rounds >= 1):
        raise UsageError("2 to 40 people, 5 to 60 frames a second and at least one round are needed.")
    cv2.setNumThreads(1)
    att = extract_att(cache_folder() / "att")
    tower = Tower.load(options.tower)
    with tempfile.TemporaryDirectory() as folder:
        models = install_detectors(folder=Path(folder))[0].parent
        finder = fitting_finder(tower, models=models)
        short = FaceFinder(detector="short-range", models=models)
        say(f"rendering {options.people} clips")
        clips = make_clips(att, finder, people=options.people, frames_per_s=options.rate)
        methods = measure_methods(make_methods(finder.detector, short.detector), clips)
        whole = measure_whole(tower, finder, clips, frames_per_s=options.rate, rounds=options.rounds)
        changes = scene_changes(clips)
    if options.json:
        emit({"tower": tower.card.name, "methods": methods, "whole": whole, "scene_change_max": max(changes)})
        return EXIT_OK
    print(table(_methods_table(methods)), table(_whole_table(whole)), sep="\n\n")
    print(
        f"\nthe scene around a moving face changes by {max(changes):.1f} grey levels at most, of {len(changes)} frames"
    )
    return EXIT_OK


def _methods_table(rows: list[dict[str, Any]]) -> list[list[str]]:
    lines = [["method", "median ms", "p95 ms", "lost", *(f"error after {count}" for count in rows[0]["error"])]]
    for row in rows:
        times = [f"{row['median_ms']:.2f}", f"{row['p95_ms']:.2f}", f"{row['lost']} of {row['steps']}"]
        lines.append([row["method"], *times, *(f"{error:.3f}" for error in row["error"].values())])
    return lines


def _whole_table(rows: list[dict[str, Any]]) -> list[list[str]]:
    names = [name for name in rows[0] if name != "detected"]
    return [["detected", *names], *([row["detected"], *(f"{row[name]:g}" for name in names)] for row in rows)]


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None))
