"""The public way: decisions one after the other, whatever the source does."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from edge_helpers import GENUINE, IMPOSTOR, THRESHOLD, frames, scene

from edge_runtime import Gallery, Tower, Verifier
from edge_runtime.decisions.decide import Outcome
from edge_runtime.errors import SourceError, SpaceMismatch, TowerError
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.images import Image
from edge_runtime.sources.camera import Frame

WALL = np.full((240, 320, 3), 96, np.uint8)
BROKEN = np.zeros((9, 9, 3), np.complex64)
Make = Callable[..., Verifier]


@pytest.fixture(scope="module")
def visit(att_faces: Path) -> Callable[[str], list[Image]]:
    return lambda name: [scene(att_faces / name / f"{number}.pgm") for number in (6, 7, 8)]


def pause(time_s: float, words: str | None = None, *, breaks: bool = False) -> Any:
    """What a live source gives while there is no frame."""
    event = None if words is None else SimpleNamespace(words=words, kind=SimpleNamespace(breaks=breaks))
    return SimpleNamespace(time_s=time_s, event=event)


def test_decisions_come_one_for_each_visit(make: Make, visit: Callable[[str], list[Image]]) -> None:
    shown = frames(visit(GENUINE) + [WALL] * 3 + visit(IMPOSTOR) + [WALL] * 3)
    found = [(decision.outcome, decision.person) for decision in make(frames=3).watch(shown)]
    assert found == [(Outcome.ACCEPTED, GENUINE), (Outcome.REJECTED, None)]


def test_a_broken_frame_is_a_fault_and_watching_goes_on(make: Make, visit: Callable[[str], list[Image]]) -> None:
    shown = [*visit(GENUINE)[:2], BROKEN, BROKEN, *visit(GENUINE)]
    found = list(make(frames=3).watch(frames(shown)))
    assert [decision.outcome for decision in found] == [Outcome.FAULT, Outcome.ACCEPTED]
    assert (found[0].person, found[0].reason) == (None, "fault")
    assert found[0].advice
    steps = list(make(frames=3).steps(frames(shown)))
    assert [step.seen.problem for step in steps] == [None, None, "fault", None, None, None]
    assert steps[2].decision is not None
    assert steps[2].decision.outcome is Outcome.FAULT
    # What was seen before the fault does not count.
    assert (found[1].good_frames, found[1].started_s) == (3, 2.0)


def test_a_source_that_fails_ends_with_a_fault(make: Make, visit: Callable[[str], list[Image]]) -> None:
    def failing() -> Iterator[Frame]:
        yield from frames(visit(GENUINE)[:2])
        raise SourceError("the camera is gone")

    (decision,) = make(frames=3).watch(failing())
    assert (decision.outcome, decision.advice, decision.person) == (Outcome.FAULT, "the camera is gone", None)
    with pytest.raises(SourceError, match="gone"):
        list(make(frames=3).steps(failing()))
    assert list(make().watch([])) == []


def test_a_deadline_fires_without_a_frame(make: Make, visit: Callable[[str], list[Image]]) -> None:
    never = [pause(second / 4) for second in range(100)]
    decision = make(timeout_s=3).decide(never)
    assert (decision.outcome, decision.reason, decision.frames) == (Outcome.TIMEOUT, "no-frames", 0)
    assert 3 < decision.ended_s <= 3.25
    # It comes, is seen once, and then the camera gives nothing more.
    stops = [*frames(visit(GENUINE)[:1]), *never[1:]]
    decision = make(timeout_s=3).decide(stops)
    assert (decision.outcome, decision.reason) == (Outcome.TIMEOUT, "too-few-good-frames")
    (decision,) = make(rearm_s=2).watch(stops)
    assert (decision.outcome, decision.ended_s) == (Outcome.ACCEPTED, 2.0)

    class Camera(list):
        def moments(self) -> Iterator[Any]:
            return iter([self[0], *never[1:]])

    assert make(timeout_s=3).decide(Camera(frames(visit(GENUINE)))).reason == "too-few-good-frames"
    backwards = [pause(5.0), *frames(visit(GENUINE)[:1])]
    assert make(frames=1).decide(backwards).reason == "clock-went-backwards"


def test_after_an_interruption_evidence_begins_anew(make: Make, visit: Callable[[str], list[Image]]) -> None:
    one, two, three = frames(visit(GENUINE))
    steps = list(make(frames=3).steps([one, two, pause(0.75, "camera 0 was lost", breaks=True), three]))
    assert [step.event for step in steps if step.event] == ["camera 0 was lost"]
    assert steps[2].frame is None
    tracks = [step.seen.subject.track for step in steps if step.seen.subject]
    assert tracks == [1, 1, 2]
    assert steps[-1].decision is not None
    assert (steps[-1].decision.good_frames, steps[-1].decision.track) == (1, 2)
    calm = list(make(frames=3).steps([one, two, pause(0.75, "a black picture"), three]))
    assert (calm[-1].decision.good_frames, calm[-1].decision.accepted) == (3, True)  # type: ignore[union-attr]


def test_a_verifier_finds_the_detector_that_fits(tower: Tower, models: Path, gallery_path: Path) -> None:
    with Gallery.open(gallery_path, tower) as gallery:
        verifier = Verifier(tower, gallery, threshold=THRESHOLD)
    assert (verifier.finder.size_px, verifier.finder.template) == (tower.spec.size_px, tower.card.template)
    assert verifier.threshold == THRESHOLD


def test_without_a_model_or_in_another_space_there_is_no_verifier(
    tower: Tower, finder: FaceFinder, gallery_path: Path, tmp_path: Path, damaged_towers: dict[str, bytes]
) -> None:
    with pytest.raises(TowerError, match="is missing"):
        FaceFinder(models=tmp_path)
    with pytest.raises(TowerError):
        Tower.load(tmp_path / "none.tflite")
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(damaged_towers["wrong-golden"])
    with pytest.raises(TowerError, match="self-test"):
        Tower.load(broken)
    with Gallery.open(gallery_path, tower) as gallery:
        other = SimpleNamespace(**{**vars(tower), "fingerprint": "0" * 64})
        with pytest.raises(SpaceMismatch):
            Verifier(other, gallery, finder, threshold=THRESHOLD)  # type: ignore[arg-type]


def test_a_tower_that_breaks_on_the_way_accepts_nobody(
    make: Make, visit: Callable[[str], list[Image]], monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = make(frames=3)
    for bad in (np.full(64, np.nan, np.float32), np.zeros(3, np.float32), None):
        monkeypatch.setattr(verifier.tower, "embed_one", lambda crop, bad=bad: bad)
        decision = verifier.decide(frames(visit(GENUINE)))
        assert (decision.outcome, decision.person) == (Outcome.FAULT, None)
        assert {d.outcome for d in verifier.watch(frames(visit(GENUINE)))} == {Outcome.FAULT}
    monkeypatch.undo()
    broken = dataclasses.replace(verifier.enrolled, matrix=verifier.enrolled.matrix * np.float32(np.nan))
    verifier.enrolled = broken
    assert verifier.decide(frames(visit(GENUINE))).outcome is Outcome.FAULT
