"""``python -m benchmarks.frame``: whole frames of siamlite against the usual parts, in one alternating run."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from edge_runtime.commands.console import EXIT_OK, emit, run_command, say, table


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.frame",
        description="640×480 frames with one moving AT&T face go through siamlite without its tracker, through it with "
        "its tracker, and through OpenCV's YuNet with a float MobileFaceNet, one after the other, on one thread.",
    )
    add = parser.add_argument
    add("--tower", type=Path, metavar="FILE", help="tower file (default: $SIAMLITE_TOWER, or tower.tflite at home)")
    add("--people", type=int, default=8, metavar="N", help="how many people (default: 8, at most 40)")
    add("--rounds", type=int, default=2, metavar="N", help="how often each is shown (default: 2)")
    add("--detector", default="auto", help="face detector of siamlite (default: auto)")
    add("--smallest-face", type=float, metavar="PX", help="for auto: the smallest face that is wanted")
    add("--yunet", type=Path, metavar="FILE", help="YuNet's ONNX file (default: made of a package's weights)")
    add("--json", action="store_true", help="print the result as JSON on standard output")
    add("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> int:
    from edge_runtime.errors import UsageError

    if not (1 <= options.people <= 40 and options.rounds >= 1):
        raise UsageError("1 to 40 people and at least one round are needed.")
    result = _measured(options)
    if options.json:
        emit(result)
        return EXIT_OK
    print(table(_lines(result["rows"])))
    for row in result["rows"]:
        if row["stages_ms"]:
            print(f"\n{row['way']}, wall ms: " + ", ".join(f"{name} {ms}" for name, ms in row["stages_ms"].items()))
    print(f"\n{result['frames']} frames each; {result['tower']}; the peer saw no face in {result['peer_without_face']}")
    return EXIT_OK


def _measured(options: argparse.Namespace) -> dict[str, Any]:
    import cv2

    from benchmarks.demo.att import extract_att
    from benchmarks.detectors.yunet_file import make_yunet
    from benchmarks.frame.measure import measure
    from benchmarks.frame.peer import Peer, kept_network
    from benchmarks.tracking.clips import make_clips
    from edge_runtime.faces.finder import FaceFinder
    from edge_runtime.fetch import install_detectors
    from edge_runtime.home import cache_folder
    from edge_runtime.towers.shipped import find_tower
    from edge_runtime.towers.tower import Tower

    cv2.setNumThreads(1)
    tower = Tower.load(find_tower(options.tower))
    network = kept_network(cache_folder())
    peer = Peer(options.yunet or make_yunet(cache_folder() / "yunet.onnx"), network, family=tower.backend.family)
    with tempfile.TemporaryDirectory() as folder:
        finder = FaceFinder(
            models=install_detectors(folder=Path(folder))[0].parent,
            size_px=tower.card.input.size_px,
            template=tower.card.template,
            family=tower.backend.family,
            detector=options.detector,
            smallest_px=options.smallest_face,
        )
    say(f"rendering {options.people} clips")
    clips = make_clips(extract_att(cache_folder() / "att"), finder, people=options.people, frames_per_s=15.0)
    result = measure(tower, finder, peer, clips, frames_per_s=15.0, rounds=options.rounds)
    return {"tower": f"{tower.card.name}, {tower.card.recipe}, {tower.spec.size_px} px", **result}


def _lines(rows: list[dict[str, Any]]) -> list[list[str]]:
    names = ("cpu_median_ms", "cpu_p95_ms", "cpu_mean_ms", "wall_median_ms", "wall_p95_ms")
    lines = [["whole frame", *(name[:-3].replace("_", " ") for name in names), "of the peer (CPU)", "mean", "(wall)"]]
    for row in rows:
        ratios = [f"{row[name]:.0%}" for name in ("cpu_ratio", "cpu_mean_ratio", "wall_ratio")]
        lines.append([row["way"], *(f"{row[name]:.2f}" for name in names), *ratios])
    return lines


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None))
