"""From frames to decisions: genuine and impostor, and every way of failing closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from edge_helpers import GENUINE, IMPOSTOR, THRESHOLD, frames, scene

from edge_runtime.decisions.decide import Decision, Outcome
from edge_runtime.decisions.policy import DecisionPolicy
from edge_runtime.decisions.session import Step
from edge_runtime.decisions.verifier import Verifier
from edge_runtime.errors import SourceError, UsageError
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.gallery.store import Gallery
from edge_runtime.images import Image, read_image
from edge_runtime.sources.camera import Frame
from edge_runtime.towers.tower import Tower

WALL = np.full((240, 320, 3), 96, np.uint8)
Make = Callable[..., Verifier]


@pytest.fixture
def make(tower: Tower, finder: FaceFinder, gallery_path: Path) -> Make:
    def build(claimed: str | None = GENUINE, threshold: float = THRESHOLD, **policy: float) -> Verifier:
        with Gallery.open(gallery_path, tower) as gallery:
            return Verifier(
                tower, gallery, finder, claimed=claimed, threshold=threshold, policy=DecisionPolicy(**policy)
            )

    return build


@pytest.fixture(scope="module")
def look(att_faces: Path) -> Callable[..., list[Image]]:
    """Frames of a person before a camera."""

    def images(name: str, *numbers: int) -> list[Image]:
        return [scene(att_faces / name / f"{n}.pgm") for n in numbers]

    return images


def decisions(steps: Iterator[Step]) -> list[Decision]:
    return [decision for step in steps for decision in step.decisions]


def test_a_genuine_person_is_accepted_and_an_impostor_not(make: Make, look: Callable[..., list[Image]]) -> None:
    good = make().decide(frames(look(GENUINE, 6, 7, 8, 9, 10)))
    assert (good.outcome, good.person, good.claimed, good.nearest) == (Outcome.ACCEPTED, GENUINE, GENUINE, None)
    assert (good.good_frames, good.frames, good.reason) == (5, 5, "match")
    assert set(good.latency_ms) == {"grab", "detect", "follow", "align", "embed", "match", "decide"}
    assert min(good.latency_ms.values()) >= 0
    assert good.quality["interocular_px"] > 30
    assert good.track is not None
    bad = make().decide(frames(look(IMPOSTOR, 6, 7, 8, 9, 10)))
    assert (bad.outcome, bad.person, bad.reason) == (Outcome.REJECTED, None, "below-threshold")
    assert bad.similarity < THRESHOLD < good.similarity
    one = make(claimed=None).decide(frames(look(GENUINE, 6, 7, 8, 9, 10)))
    assert (one.person, one.nearest, one.claimed) == (GENUINE, GENUINE, None)
    two = make(claimed=None).decide(frames(look(IMPOSTOR, 6, 7, 8, 9, 10)))
    assert (two.person, two.nearest) == (None, GENUINE)


def test_photographs_may_be_cropped_tight_and_have_no_clock(make: Make, att_faces: Path) -> None:
    photos = [read_image(att_faces / GENUINE / f"{n}.pgm") for n in (6, 7, 8, 9, 10)] * 3
    assert make().decide(frames(photos[:3], photo=True)).accepted
    many = make(frames=12, timeout_s=5).decide(frames(photos, every_s=1, photo=True))
    assert (many.accepted, many.good_frames) == (True, 12)


@pytest.mark.parametrize(
    "bad", [np.zeros((0, 0, 3), np.uint8), np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3), np.complex64)]
)
def test_an_exception_is_a_fault_never_an_acceptance(
    bad: np.ndarray, make: Make, look: Callable[..., list[Image]]
) -> None:
    shown = [*look(GENUINE, 6, 7, 8, 9), bad, *look(GENUINE, 10)]
    decision = make().decide(frames(shown))
    assert (decision.outcome, decision.person, decision.accepted) == (Outcome.FAULT, None, False)
    assert decision.advice
    with pytest.raises(Exception, match=r".+"):
        decisions(make().attempt(frames(shown)))


def test_a_source_that_fails_is_a_fault(make: Make, look: Callable[..., list[Image]]) -> None:
    def failing() -> Iterator[Frame]:
        yield from frames(look(GENUINE, 6, 7, 8, 9))
        raise SourceError("the camera is gone")

    decision = make().decide(failing())
    assert (decision.outcome, decision.advice) == (Outcome.FAULT, "the camera is gone")


def test_a_clock_that_goes_backwards_is_a_fault(make: Make, look: Callable[..., list[Image]]) -> None:
    first, second = look(GENUINE, 6, 7)
    shown = frames([first], start_s=5) + frames([second], start_s=4.9)
    decision = make(frames=2).decide(shown)
    assert decision.outcome is Outcome.FAULT
    assert "backwards" in decision.advice


def test_watching_goes_on_after_a_clock_went_backwards(make: Make, look: Callable[..., list[Image]]) -> None:
    visit = look(GENUINE, 6, 7)
    shown = frames(visit[:1], start_s=1000) + frames([WALL] * 6, start_s=2)
    shown += frames(visit, start_s=6)
    found = decisions(make(frames=2).steps(shown))
    assert [d.outcome for d in found] == [Outcome.FAULT, Outcome.ACCEPTED]


def test_the_same_moment_counts_once(make: Make, look: Callable[..., list[Image]]) -> None:
    (face,) = look(GENUINE, 8)
    fast = make(frames=3, spacing_s=0.2, timeout_s=10).decide(frames([face] * 9, every_s=0.05))
    assert (fast.good_frames, fast.frames) == (3, 9)
    assert fast.ended_s == pytest.approx(0.4)
    short = make(frames=3, spacing_s=0.2).decide(frames([face] * 4, every_s=0.05))
    assert (short.good_frames, short.frames, short.reason) == (1, 4, "match")


def test_time_runs_out(make: Make, look: Callable[..., list[Image]]) -> None:
    nobody = make(timeout_s=2).decide(frames([WALL] * 20))
    assert (nobody.outcome, nobody.reason, nobody.ended_s) == (Outcome.NO_FACE, "no-face", 2.0)
    (face,) = look(GENUINE, 8)
    few = make(timeout_s=2, frames=9).decide(frames([face] * 20))
    assert (few.outcome, few.reason, few.person) == (Outcome.TIMEOUT, "too-few-good-frames", None)
    assert few.good_frames == 5
    # The last good frame that is needed comes after the time is up.
    late = make(timeout_s=2, frames=2).decide(frames([face]) + frames([face], start_s=3))
    assert (late.outcome, late.reason, late.good_frames) == (Outcome.TIMEOUT, "too-few-good-frames", 1)


def test_frames_that_are_no_evidence_have_their_reason(make: Make, att_faces: Path) -> None:
    verifier = make()
    face = scene(att_faces / GENUINE / "8.pgm")
    two = scene(att_faces / GENUINE / "8.pgm", att_faces / IMPOSTOR / "1.pgm", width=480)
    dark = (face * 0.12).astype(np.uint8)
    tiny = scene(att_faces / GENUINE / "8.pgm", width=160, height=120, scale=0.35)
    cases = {"no-face": (WALL, Outcome.NO_FACE), "several-faces": (two, Outcome.SEVERAL_FACES)}
    cases |= {"too-dark": (dark, Outcome.LOW_QUALITY), "face-too-small": (tiny, Outcome.LOW_QUALITY)}
    for reason, (image, outcome) in cases.items():
        seen = verifier.observe(frames([image])[0])
        assert (seen.problem, seen.similarities) == (reason, None)
        assert seen.advice
        decision = verifier.decide(frames([image] * 3))
        assert (decision.outcome, decision.reason, decision.person) == (outcome, reason, None)


def test_no_frames_are_no_decision_in_favour(make: Make) -> None:
    decision = make().decide([])
    assert (decision.outcome, decision.reason, decision.frames) == (Outcome.NO_FACE, "no-frames", 0)
    assert decisions(make().attempt([])) == decisions(make().steps([])) == []


def test_watching_gives_one_decision_for_each_visit(make: Make, look: Callable[..., list[Image]]) -> None:
    shown = [WALL] * 2 + look(GENUINE, 6, 7, 8, 9, 10) + [WALL] * 3 + look(IMPOSTOR, 6, 7, 8) + [WALL] * 4
    shown += look(GENUINE, 8)
    found = decisions(make(claimed=None, frames=3, spacing_s=0).steps(frames(shown)))
    assert [d.outcome for d in found] == [Outcome.ACCEPTED, Outcome.REJECTED, Outcome.ACCEPTED]
    # After two frames so unlike the enrolled person no third one could have changed it.
    assert [d.good_frames for d in found] == [3, 2, 1]
    assert found[1].started_s == 5.0


def test_a_short_gap_is_the_same_visit_and_a_short_visit_is_decided(
    make: Make, look: Callable[..., list[Image]]
) -> None:
    a, b, c = look(GENUINE, 6, 7, 8)
    found = decisions(make(frames=3).steps(frames([a, WALL, b, WALL, c])))
    assert [(d.outcome, d.good_frames, d.frames) for d in found] == [(Outcome.ACCEPTED, 3, 5)]
    found = decisions(make(frames=5).steps(frames([a, WALL, WALL, WALL])))
    assert [(d.outcome, d.good_frames) for d in found] == [(Outcome.ACCEPTED, 1)]


def test_a_finder_of_another_size_is_refused(tower: Tower, models: Path, gallery_path: Path) -> None:
    with Gallery.open(gallery_path, tower) as gallery, pytest.raises(UsageError, match="does not fit the tower"):
        Verifier(tower, gallery, FaceFinder(size_px=112, models=models), threshold=0.5)


@pytest.mark.parametrize("policy", [{"frames": 0}, {"frames": 2.5}, {"spacing_s": -1}, {"timeout_s": 0},
                                    {"timeout_s": np.nan}, {"spacing_s": np.nan}, {"faces": "any"},
                                    {"fusing": "median"}, {"needed": 2}, {"fusing": "k-of-n", "needed": 6},
                                    {"min_margin": -1}, {"rearm_s": np.nan}, {"same_person": 2}])  # fmt: skip
def test_a_policy_that_never_decides_is_refused(policy: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=r"must|a number of frames"):
        DecisionPolicy(**policy)
