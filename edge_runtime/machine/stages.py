"""The stages of a frame, timed on one frame after the other: what a door's camera would have to wait for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from edge_runtime.decisions.attempt import Question
from edge_runtime.decisions.policy import DecisionPolicy
from edge_runtime.decisions.session import Session
from edge_runtime.errors import SourceError
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.faces.tracker import TrackPolicy
from edge_runtime.gallery.match import Enrolled
from edge_runtime.images import decode_aloud, encode_image
from edge_runtime.machine.drawn import drawn_frames
from edge_runtime.measures.metrics import unit_rows
from edge_runtime.sources.camera import Frame, FrameSource
from edge_runtime.towers.tower import Tower

STAGES = ("grab", "detect", "follow", "align", "embed", "match", "decide")
WHOLE = "whole frame"
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
    """The frames of a source, again and again, on one clock; of a live one as they come."""
    start_s = 0.0
    while True:
        source, last_s = reopen(), 0.0
        try:
            for frame in source:
                last_s = frame.time_s
                yield replace(frame, time_s=start_s + frame.time_s)
        finally:
            source.close()
        if source.live:
            raise SourceError(f"{source.name} ended. Is it still plugged in and reachable?")
        start_s += last_s + 1 / 15


class Course:
    """One tower and one face finder, and what a frame goes through with them: all the way, or as the tracker has it."""

    def __init__(self, tower: Tower, finder: FaceFinder, enrolled: Enrolled, *, tracking: bool = False) -> None:
        """Prepare a course.

        Args:
            tower: The tower.
            finder: A face finder that fits it.
            enrolled: The people that faces are compared with.
            tracking: Whether faces are followed and compared when it is due, as in watching; if not, every frame is
                looked at from detection to decision.
        """
        policy = DecisionPolicy(faces="largest") if tracking else DecisionPolicy(faces="largest", spacing_s=0)
        self._tracking = tracking
        self._session = Session(
            tower.embed_one,
            finder,
            enrolled,
            Question(names=enrolled.names, threshold=0.5, policy=policy),
            TrackPolicy() if tracking else TrackPolicy(detect_every=1),
            # Whoever is shown is one person: what is timed must not depend on the tower's opinion of a drawing.
            same_person=-0.999,
            endless=True,
        )

    def go(self, frame: Frame, times: Times) -> None:
        """Take one frame all the way, and note how long each stage took."""
        start = time.perf_counter()
        step = self._session.step(frame)
        times.add(WHOLE, (time.perf_counter() - start) * 1e3)
        times.frames += 1
        times.with_face += bool(step.seen.faces)
        for stage, ms in step.seen.latency_ms.items():
            times.add(stage, ms)
        if step.decisions and not self._tracking:
            # An attempt that has been decided looks no further: the next frame is the first of another one.
            self._session.reset()


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
