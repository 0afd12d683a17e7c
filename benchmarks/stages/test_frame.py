"""A whole frame, from pixels to the decision, with the tracker and without it; and a process from its start."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.suite.rounds import Timed
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.images import Image
from edge_runtime.machine.cold_start import cold_starts
from edge_runtime.machine.stages import WHOLE, Course, Times, own_frames, strangers
from edge_runtime.towers.tower import Tower

# Frames until the drawn face is where it was: a round is all of them, so that every round does the same.
_FRAMES = 24


@pytest.mark.parametrize("tracking", [False, True], ids=["every", "tracked"])
def test_frame(timed: Timed, tracking: bool, finder: FaceFinder, tower: Tower) -> None:
    """Detect, align, embed, match against 100 people and decide; the frames are decoded already."""
    course = Course(tower, finder, strangers(100, tower.embedding_length), tracking=tracking)
    held = list(itertools.islice(own_frames(640, 480), _FRAMES))
    number, times = itertools.count(), Times()

    def run() -> None:
        at = next(number)
        course.go(replace(held[at % _FRAMES], index=at, time_s=at / 15), times)

    words = "as watch sees it: followed, compared when due" if tracking else "detected, embedded and matched each time"
    timed(run, what=f"a whole 640×480 frame, 1:100, {words}", calls=_FRAMES, rounds=4)
    assert times.with_face == times.frames == len(times.stages[WHOLE]) > 0


def test_cold_start(timed: Timed, tower: Tower, models: Path, frame: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of its own from its start to its first decision on a picture; peak memory beside it."""
    monkeypatch.setenv("SIAMLITE_HOME", str(models.parent))
    words = ["--tower", str(tower.path.resolve())]
    runs: list[Any] = []

    def run() -> None:
        runs.append(cold_starts(tower, frame, words, runs=1))

    timed(run, what="`siamlite identify` on one picture, from the start of its process", calls=1, rounds=2)
    timed.note(peak_mb=max((ran["peak_mb"] or 0 for ran in runs), default=0) or None)
    assert runs[0]["outcome"] in ("accepted", "rejected")
