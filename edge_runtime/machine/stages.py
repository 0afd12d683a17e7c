"""The stages of a frame, timed on one frame after the other: what a door's camera would have to wait for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edge_runtime.decisions.decide import judge
from edge_runtime.errors import SourceError
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.gallery.match import Enrolled, person_similarities
from edge_runtime.images import decode_aloud, encode_image
from edge_runtime.machine.drawn import drawn_frames
from edge_runtime.measures.metrics import unit_rows
from edge_runtime.sources.camera import Frame, FrameSource
from edge_runtime.towers.tower import Tower

STAGES = ("grab", "detect", "align", "embed", "match", "decide")
WHOLE = "whole frame"
# Frames that a decision is made from, as verification has it by default.
_EVIDENCE = 5
_DRAWN = 24


@dataclass(slots=True, kw_only=True)
class Times:
    """What was timed so far.

    Attributes:
        stages: Milliseconds of each run of each stage, and of ``"whole frame"``: its stages without the grabbing.
        frames: Frames that were looked at.
        with_face: Frames with a face in them.
        elapsed_s: Time of all frames, grabbing included.
    """

    stages: dict[str, list[float]] = field(default_factory=dict)
    frames: int = 0
    with_face: int = 0
    elapsed_s: float = 0.0

    def add(self, stage: str, ms: float) -> None:
        """Note one run of a stage."""
        self.stages.setdefault(stage, []).append(ms)


def percentiles(times_ms: list[float]) -> dict[str, float]:
    """p50, p95, p99 and mean of some times in milliseconds, and how many there were."""
    p50, p95, p99 = (round(float(value), 3) for value in np.percentile(times_ms, [50, 95, 99]))
    return {
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "mean_ms": round(float(np.mean(times_ms)), 3),
        "runs": len(times_ms),
    }


def strangers(people: int, length: int) -> Enrolled:
    """A gallery of random directions, five templates a person: matching takes as long as with real ones."""
    rows = unit_rows(np.random.default_rng(1).normal(size=(5 * people, length)))
    return Enrolled.of({f"person {i}": rows[5 * i : 5 * i + 5] for i in range(people)})


def own_frames(width: int, height: int) -> Iterator[Frame]:
    """Drawn frames without end, decoded from JPEG each time, as those of a USB camera are."""
    drawn = drawn_frames(width, height, face_px=min(width, height) * 3 // 8)
    pictures = [encode_image(next(drawn), ".jpg", quality=85) for _ in range(_DRAWN)]
    number = 0
    while True:
        image = decode_aloud(pictures[number % _DRAWN], name="a drawn frame")
        yield Frame(image_rgb=image, index=number, time_s=number / 15, name="drawn frames")
        number += 1


def endless(reopen: Callable[[], FrameSource]) -> Iterator[Frame]:
    """The frames of a source, again and again; of a live one as they come."""
    while True:
        source = reopen()
        try:
            yield from source
        finally:
            source.close()
        if source.live:
            raise SourceError(f"{source.name} ended. Is it still plugged in and reachable?")


class Course:
    """One tower and one face finder, and what a frame goes through with them."""

    def __init__(self, tower: Tower, finder: FaceFinder, enrolled: Enrolled) -> None:
        self._tower = tower
        self._finder = finder
        self._enrolled = enrolled
        self._evidence: list[npt.NDArray[np.float32]] = []

    def go(self, frame: Frame, times: Times) -> None:
        """Take one frame all the way, and note how long each stage took."""
        start = time.perf_counter()
        found = self._finder.find(frame.image_rgb, photo=frame.photo)
        aligned = time.perf_counter()
        times.frames += 1
        times.add("detect", found[0].detect_ms if found else (aligned - start) * 1e3)
        if found:
            times.with_face += 1
            times.add("align", sum(face.align_ms for face in found))
            probe = self._tower.embed_one(found[0].crop_rgb)
            embedded = time.perf_counter()
            similarities = person_similarities(probe, self._enrolled)
            matched = time.perf_counter()
            self._evidence = [*self._evidence[1 - _EVIDENCE :], similarities]
            judge(self._evidence, self._enrolled.names, 0.5)
            times.add("embed", (embedded - aligned) * 1e3)
            times.add("match", (matched - embedded) * 1e3)
            times.add("decide", (time.perf_counter() - matched) * 1e3)
        times.add(WHOLE, (time.perf_counter() - start) * 1e3)


def time_frames(courses: dict[int, Course], frames: Iterator[Frame], count: int) -> dict[int, Times]:
    """Take frames through several courses in turn, so that whatever disturbs one disturbs all.

    Args:
        courses: By any number, such as their threads.
        frames: Frames without end.
        count: Frames that are timed, after a tenth of them (at least one) that are not.

    Returns:
        What was timed, by the same numbers.
    """
    for _ in range(max(1, count // 10)):
        frame = next(frames)
        for course in courses.values():
            course.go(frame, Times())
    times = {number: Times() for number in courses}
    for _ in range(count):
        start = time.perf_counter()
        frame = next(frames)
        grab_s = time.perf_counter() - start
        for number, course in courses.items():
            begun = time.perf_counter()
            course.go(frame, times[number])
            times[number].add("grab", grab_s * 1e3)
            times[number].elapsed_s += grab_s + time.perf_counter() - begun
    return times
