"""siamlite without the tracker, with it, and the usual parts: each frame goes through all, one after the other."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.frame.peer import Peer
from benchmarks.tracking.clips import Clip
from edge_runtime.decisions.session import Step
from edge_runtime.decisions.verifier import Verifier
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.faces.tracker import TrackPolicy
from edge_runtime.gallery.store import Access, Gallery, Template
from edge_runtime.sources.camera import Frame
from edge_runtime.towers.tower import Tower

WITHOUT, WITH, PEER = "siamlite, every frame", "siamlite, tracker", "YuNet 320 + float MobileFaceNet"


class _Fed:
    """A verifier that is given one frame at a time."""

    def __init__(self, verifier: Verifier) -> None:
        self._next: list[Frame] = []
        self._steps = verifier.steps(self._frames())
        self.steps: list[Step] = []

    def _frames(self) -> Iterator[Frame]:
        while self._next:
            yield self._next.pop()

    def look(self, frame: Frame) -> None:
        self._next.append(frame)
        self.steps.append(next(self._steps))


def measure(
    tower: Tower, finder: FaceFinder, peer: Peer, clips: list[Clip], *, frames_per_s: float, rounds: int
) -> dict[str, Any]:
    """Time whole frames.

    Args:
        tower: The tower.
        finder: A face finder that fits it.
        peer: The usual parts.
        clips: One moving face each.
        frames_per_s: Rate of their frames.
        rounds: How often each is shown.

    Returns:
        For each way its median and p95 in ms of processor time and of wall time, the ratio of its medians to the
        peer's, and the median of siamlite's stages.
    """
    cpu: dict[str, list[float]] = {WITHOUT: [], WITH: [], PEER: []}
    wall: dict[str, list[float]] = {name: [] for name in cpu}
    steps: dict[str, list[Step]] = {WITHOUT: [], WITH: []}
    missed = 0
    with tempfile.TemporaryDirectory() as folder, _empty_gallery(Path(folder), tower) as gallery:
        for at, clip in enumerate(clips):
            crop = next(items[0].crop_rgb for frame in clip.frames if (items := finder.find(frame)))
            template = Template(embedding=tower.embed_one(crop), sharpness=50.0, interocular_px=40.0)
            gallery.enrol(f"person {at}", [template])
        for at, clip in [*enumerate(clips)] * rounds:
            fed = {
                name: _Fed(
                    Verifier(
                        tower, gallery, finder, claimed=f"person {at}", threshold=0.5,
                        tracking=TrackPolicy(detect_every=every),
                    )
                )
                for name, every in ((WITHOUT, 1), (WITH, 10))
            }  # fmt: skip
            for index, image in enumerate(clip.frames):
                frame = Frame(image_rgb=image, index=index, time_s=index / frames_per_s, name="clip")
                for name, one in fed.items():
                    _timed(one.look, frame, cpu[name], wall[name])
                missed += _timed(peer.look, image, cpu[PEER], wall[PEER]) is None
            for name, one in fed.items():
                steps[name] += one.steps
    rows = [_row(name, cpu, wall, steps.get(name, [])) for name in cpu]
    return {"rows": rows, "frames": len(cpu[PEER]), "peer_without_face": missed}


def _empty_gallery(folder: Path, tower: Tower) -> Gallery:
    """A gallery whose key lies beside it and goes with it."""
    return Gallery.open(folder / "g.db", tower, create=True, access=Access(key_file=folder / "g.key"))


def _timed(look: Callable[[Any], Any], what: Any, cpu: list[float], wall: list[float]) -> Any:
    start, cpu_start = time.perf_counter(), time.process_time()
    result = look(what)
    cpu.append((time.process_time() - cpu_start) * 1e3)
    wall.append((time.perf_counter() - start) * 1e3)
    return result


def _row(name: str, cpu: dict[str, list[float]], wall: dict[str, list[float]], steps: list[Step]) -> dict[str, Any]:
    stages: dict[str, list[float]] = {}
    for step in steps:
        for stage, ms in step.seen.latency_ms.items():
            stages.setdefault(stage, []).append(ms)
    return {
        "way": name,
        **{f"cpu_{key}": value for key, value in _of(cpu[name]).items()},
        **{f"wall_{key}": value for key, value in _of(wall[name]).items()},
        "cpu_ratio": round(float(np.median(cpu[name]) / np.median(cpu[PEER])), 3),
        "cpu_mean_ratio": round(float(np.mean(cpu[name]) / np.mean(cpu[PEER])), 3),
        "wall_ratio": round(float(np.median(wall[name]) / np.median(wall[PEER])), 3),
        "stages_ms": {stage: round(float(np.median(ms)), 2) for stage, ms in stages.items()},
    }


def _of(times: list[float]) -> dict[str, float]:
    median, p95 = np.percentile(times, [50, 95])
    return {
        "median_ms": round(float(median), 2),
        "p95_ms": round(float(p95), 2),
        "mean_ms": round(float(np.mean(times)), 2),
    }
