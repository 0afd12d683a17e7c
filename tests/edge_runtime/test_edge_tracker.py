"""Faces that are followed, and people who try to change places while they are."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_helpers import GENUINE, IMPOSTOR, LAW, THRESHOLD
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.decisions.decide import Outcome
from edge_runtime.decisions.identity import Anchors
from edge_runtime.decisions.session import Step
from edge_runtime.decisions.verifier import Verifier
from edge_runtime.errors import UsageError
from edge_runtime.faces.cut import is_cut, thumbnail
from edge_runtime.faces.detect import Face
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.faces.follow import FollowLimits, follow_face
from edge_runtime.faces.tracker import FaceTracker, TrackPolicy
from edge_runtime.images import Image, read_image
from edge_runtime.sources.camera import Frame

WIDTH, HEIGHT, EVERY_S = 320, 240, 1 / 15
Paint = Callable[..., Image]


def room(seed: int) -> Image:
    """A wall with soft spots on it."""
    spots = np.random.default_rng(seed).integers(40, 216, (6, 8, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(spots, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.fixture(scope="module")
def paint(att_faces: Path) -> Paint:
    """A frame with a person's picture somewhere in a room."""
    rng = np.random.default_rng(0)

    def frame(
        name: str | None, picture: int = 8, *, x: int = 160, y: int = 120, seed: int = 1, turn: float = 0
    ) -> Image:
        canvas = room(seed)
        if name is not None:
            face = cv2.resize(read_image(att_faces / name / f"{picture}.pgm"), None, fx=1.5, fy=1.5)
            height, width = face.shape[:2]
            matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, 1)
            matrix[:, 2] += [x - width / 2, y - height / 2]
            size = (WIDTH, HEIGHT)
            mask = cv2.warpAffine(np.ones((height, width), np.uint8), matrix, size)
            canvas = np.where(mask[..., None] > 0, cv2.warpAffine(face, matrix, size), canvas)
        return np.clip(canvas + rng.normal(0, 2, canvas.shape), 0, 255).astype(np.uint8)

    return frame


def stream(images: list[Image], every_s: float = EVERY_S) -> list[Frame]:
    return [Frame(image_rgb=image, index=i, time_s=i * every_s, name="camera") for i, image in enumerate(images)]


def detected(steps: list[Step]) -> int:
    return sum("detect" in step.seen.latency_ms for step in steps)


def test_a_face_that_moves_and_turns_is_followed(finder: FaceFinder, paint: Paint) -> None:
    places = [(160 + 3 * i, 120 - 2 * i, 1.5 * i) for i in range(9)]
    images = [paint("s1", 1, x=x, y=y, turn=turn) for x, y, turn in places]
    (face,) = finder.detector.detect(images[0])
    for before, now in itertools.pairwise(images):
        moved = follow_face(before, now, face, FollowLimits())
        assert moved is not None
        face = moved
    (truth,) = finder.detector.detect(images[-1])
    assert np.linalg.norm(face.landmarks_px - truth.landmarks_px, axis=1).max() < 0.1 * truth.interocular_px
    np.testing.assert_allclose(face.box_px, truth.box_px, atol=0.15 * truth.interocular_px * 2.5)


def test_what_does_not_move_as_a_face_is_lost(finder: FaceFinder, paint: Paint) -> None:
    image = paint(GENUINE)
    (face,) = finder.detector.detect(image)
    limits = FollowLimits()
    assert follow_face(image, image, face, limits) is not None
    for other in (paint(IMPOSTOR), paint(None), paint(GENUINE, x=250), np.zeros_like(image), image[:, :-2]):
        assert follow_face(image, other, face, limits) is None
    outside = dataclasses.replace(face, box_px=(-60, -60, 2, 2))
    assert follow_face(image, image, outside, limits) is None


def test_another_scene_is_a_cut_and_another_light_is_none(paint: Paint) -> None:
    here, there = paint(GENUINE), paint(IMPOSTOR, seed=2)
    box = [(90.0, 40.0, 230.0, 200.0)]

    def cut(before: Image, now: Image) -> bool:
        return is_cut(thumbnail(before), thumbnail(now), box, before.shape)

    assert cut(here, there)
    assert not cut(here, paint(IMPOSTOR))
    assert not cut(here, (here * 0.7).astype(np.uint8))
    assert not cut(here, paint(GENUINE, x=170))
    # A face that fills the picture leaves nothing to compare.
    assert not is_cut(thumbnail(here), thumbnail(there), [(-50, -50, 400, 300)], here.shape)


def test_a_steady_face_is_detected_only_when_it_counts(make: Callable[..., Verifier], paint: Paint) -> None:
    images = [paint(GENUINE, x=160 + i // 3) for i in range(45)]
    steps = list(make(frames=3, spacing_s=0.2).steps(stream(images)))
    (decision,) = [step.decision for step in steps if step.decision]
    assert (decision.outcome, decision.good_frames) == (Outcome.ACCEPTED, 3)
    # Every third frame counts until the decision, then every tenth is looked at anew.
    assert detected(steps[:7]) == 3
    assert detected(steps[7:]) <= 5
    assert {face.track for step in steps for face in step.seen.faces} == {1}
    assert all(step.seen.problem is None for step in steps)
    standing = steps[-1].standing[1]
    assert (standing.decision, standing.good_frames, standing.nearest) == (decision, 3, GENUINE)
    every = list(make(detect_every=1, frames=3).steps(stream(images[:12])))
    assert detected(every) == 12


def changes(paint: Paint, kind: str) -> Iterator[tuple[str, Image]]:
    """Some frames of one person, a change of some kind, and some of another; with who is in each."""
    for _ in range(12):
        yield "A", paint(GENUINE)
    if kind == "slide":
        # The other one is slid over the first, from the side, in four frames.
        for x in (280, 240, 200, 170):
            under, over = paint(GENUINE), paint(IMPOSTOR, x=x)
            from_x = max(0, x - 69)
            yield "?", np.concatenate([under[:, :from_x], over[:, from_x:]], axis=1)
    elif kind == "cross-fade":
        for share in np.linspace(0.05, 0.95, 18):
            yield "?", cv2.addWeighted(paint(GENUINE), 1 - share, paint(IMPOSTOR), share, 0)
    elif kind == "occlusion":
        for _ in range(4):
            covered = paint(GENUINE)
            cv2.rectangle(covered, (80, 30), (240, 210), (120, 90, 60), -1)
            yield "?", covered
    elif kind == "slow-wipe":
        for edge in range(90, 230, 10):
            yield "?", np.concatenate([paint(IMPOSTOR)[:, :edge], paint(GENUINE)[:, edge:]], axis=1)
    elif kind == "beside":
        # The other one comes, both are there, the first one leaves.
        for _ in range(5):
            both = paint(GENUINE, x=80)
            both[:, 160:] = paint(IMPOSTOR, x=240)[:, 160:]
            yield "?", both
    for _ in range(24):
        yield "B", paint(IMPOSTOR, x=240 if kind == "beside" else 160, seed=2 if kind == "cut" else 1)


KINDS = ["cut", "in-place", "slide", "cross-fade", "occlusion", "slow-wipe", "beside"]


@pytest.mark.parametrize(
    ("kind", "faces"), [*((kind, faces) for kind in KINDS for faces in ("exactly-one", "largest")), ("in-place", "all")]
)
def test_nobody_takes_the_place_of_somebody_within_a_track(
    kind: str, faces: str, make: Callable[..., Verifier], paint: Paint
) -> None:
    whos, images = zip(*changes(paint, kind), strict=True)
    verifier = make(frames=5, spacing_s=0.1, faces=faces)
    compared: dict[int, set[str]] = {}
    decisions = []
    for who, step in zip([*whos, "end"], verifier.steps(stream(list(images))), strict=False):
        subject = step.seen.subject
        if subject is not None and subject.similarities is not None:
            compared.setdefault(subject.track, set()).add(who)
        decisions += step.decisions
    assert 0 not in compared
    assert not any({"A", "B"} <= people for people in compared.values()), compared
    assert {"A", "B"} <= set().union(*compared.values())
    # The first one is accepted, the other one judged on their own; nothing in between is accepted.
    assert decisions[0].outcome is Outcome.ACCEPTED
    assert all("B" not in compared[d.track] for d in decisions if d.accepted and d.track is not None)
    last = decisions[-1]
    assert last.track is not None
    assert (last.outcome, last.accepted, "A" in compared[last.track]) == (Outcome.REJECTED, False, False)


@pytest.mark.parametrize("kind", KINDS)
def test_evidence_that_has_begun_ends_with_its_person(kind: str, make: Callable[..., Verifier], paint: Paint) -> None:
    """The change comes before there is enough evidence: what the first person gave does not help the other one."""
    images = [image for _, image in changes(paint, kind)][6:]
    decision = make(frames=9, spacing_s=0.1).decide(stream(images))
    assert not decision.accepted
    # Alone the other one is like them by nearly 0.
    assert decision.similarity is None or decision.similarity < THRESHOLD / 2


def test_all_faces_are_judged_on_their_own(make: Callable[..., Verifier], paint: Paint) -> None:
    both = []
    for _ in range(20):
        image = paint(GENUINE, x=80)
        image[:, 160:] = paint(IMPOSTOR, x=240)[:, 160:]
        both.append(image)
    verifier = make(frames=3, spacing_s=0.1, faces="all")
    found = [decision for step in verifier.steps(stream(both)) for decision in step.decisions]
    assert sorted(d.outcome.value for d in found) == ["accepted", "rejected"]
    assert len({d.track for d in found}) == 2
    with pytest.raises(UsageError, match="several decisions"):
        verifier.decide(stream(both))
    with pytest.raises(UsageError, match="several decisions"):
        next(verifier.attempt(stream(both)))
    one = make(frames=3, spacing_s=0.1).decide(stream(both))
    assert (one.outcome, one.person) == (Outcome.SEVERAL_FACES, None)


@pytest.mark.parametrize(("faces", "accepted"), [("largest", True), ("centre", False)])
def test_the_face_that_counts_is_the_one_that_was_asked_for(
    faces: str, accepted: bool, make: Callable[..., Verifier], paint: Paint, att_faces: Path
) -> None:
    image = paint(GENUINE, x=75)
    small = cv2.resize(read_image(att_faces / IMPOSTOR / "8.pgm"), None, fx=1.1, fy=1.1)
    image[60 : 60 + small.shape[0], 150 : 150 + small.shape[1]] = small
    decision = make(frames=3, spacing_s=0.1, faces=faces).decide(stream([image] * 8))
    assert decision.accepted == accepted
    assert decision.reason in ("match", "below-threshold")


def box(x: float, y: float, size: float = 60) -> Face:
    marks = np.array([[x - 15, y], [x + 15, y], [x, y + 12], [x, y + 25]], np.float32)
    return Face(box_px=(x - size / 2, y - size / 2, x + size / 2, y + size / 2), landmarks_px=marks, score=0.9)


def test_a_track_keeps_its_number_only_near_its_place_and_for_a_while() -> None:
    tracker = FaceTracker(TrackPolicy(), keep_s=1.0)
    image = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)

    def step(time_s: float, *faces: Face) -> list[tuple[int, bool]]:
        tracker.step(image, time_s, lambda: list(faces), due=True)
        return [(track.number, track.sure) for track in tracker.in_view()]

    assert step(0.0, box(100, 100)) == [(1, True)]
    assert step(0.1, box(104, 100)) == [(1, True)]
    assert step(0.2) == []
    # It comes back where it was: perhaps the same person, perhaps not.
    assert step(0.5, box(110, 100)) == [(1, False)]
    assert tracker.confirm(1).sure
    assert step(0.6, box(110, 100), box(250, 100)) == [(1, True), (2, True)]
    assert step(0.7, box(250, 100), box(110, 100)) == [(2, True), (1, True)]
    assert tracker.renew(1).number == 3
    assert step(0.8, box(110, 100, size=150)) == [(4, True)]
    assert step(3.0, box(110, 100)) == [(5, True)]
    # A clock that goes backwards keeps nothing.
    assert step(1.0, box(110, 100)) == [(6, True)]
    tracker.step(np.zeros_like(image), 1.1, lambda: [box(110, 100)], due=True)
    assert (tracker.cut, [track.number for track in tracker.in_view()]) == (True, [7])


@LAW
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=12), st.floats(-0.9, 0.99))
def test_an_anchor_is_the_mean_of_the_first_and_does_not_move_on(angles: list[float], least: float) -> None:
    anchors = Anchors(least)
    rows = [np.array([np.cos(a), np.sin(a)], np.float32) for a in angles]
    for row in rows:
        anchors.add(7, row)
    mean = np.mean(rows[:5], axis=0, dtype=np.float64)
    probe = np.array([0.6, 0.8], np.float32)
    similarity = float(mean @ probe) / float(np.linalg.norm(mean))
    if abs(similarity - least) > 1e-6:
        assert anchors.holds(7, probe) == (similarity >= least)
    assert anchors.holds(8, probe)
    assert not anchors.holds(7, np.array([np.nan, 0], np.float32))
    anchors.keep(set())
    assert anchors.holds(7, -rows[0])


@pytest.mark.parametrize("every", [0, 101, 2.5])
def test_a_tracker_that_never_looks_is_refused(every: float) -> None:
    with pytest.raises(UsageError, match="every 1 to 100 frames"):
        TrackPolicy(detect_every=every)  # type: ignore[arg-type]
