"""Persons and pictures of them: the laws of the planarity test and the challenge, and that nothing lets doubt pass."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from edge_helpers import LAW
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.decisions.attempt import Attempt, Question
from edge_runtime.decisions.decide import Decision, Outcome
from edge_runtime.decisions.observe import SeenFace
from edge_runtime.decisions.policy import DecisionPolicy
from edge_runtime.errors import UsageError
from edge_runtime.faces.align import Points
from edge_runtime.faces.detect import Face
from edge_runtime.faces.finder import FoundFace
from edge_runtime.faces.pose import Pose
from edge_runtime.faces.quality import Quality
from edge_runtime.liveness.challenge import Challenge, Move, draw_order
from edge_runtime.liveness.parallax import parallax, relief
from edge_runtime.liveness.planarity import PlanarityLimits, PlanarityTest, is_like_head, is_like_sheet
from edge_runtime.liveness.policy import LIVE, UNKNOWN, Liveness, LivenessPolicy, combined
from edge_runtime.liveness.stage import LivenessStage, make_stage

LIMITS = PlanarityLimits()
NO = Liveness(live=False, reason="flat", advice="no")
FACE = Face(
    box_px=(200, 150, 300, 250),
    landmarks_px=np.array([[230, 190], [270, 190], [250, 212], [250, 235]], np.float32),
    score=1,
)
CROP = np.zeros((48, 48, 3), np.uint8)
FOUND = FoundFace(
    face=FACE,
    points_px=FACE.landmarks_px,
    crop_rgb=CROP,
    quality=Quality(interocular_px=40, sharpness=60, brightness=120, contrast=30, inside=1, score=0.9),
    problem=None,
    detect_ms=1,
    align_ms=1,
)


def face_points(seed: int, count: int = 50) -> Points:
    return np.random.default_rng(seed).uniform([-0.8, -0.3], [0.8, 1.3], (count, 2)).astype(np.float32)


def rotated(points: Points, height: np.ndarray, yaw_deg: float, pitch_deg: float, distance: float = 8.0) -> Points:
    """Points with a height, in distances between the eyes, seen by a camera of 60 px a distance after a turn."""
    yaw, pitch = np.radians([yaw_deg, pitch_deg])
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    moved = np.column_stack([points - (0, 0.5), height]) @ (about_x @ about_y).T
    depth = distance - moved[:, 2:]
    return np.asarray(60 * distance * moved[:, :2] / depth + 300, dtype=np.float32)


angle = st.floats(-50, 50)


@LAW
@given(st.integers(0, 10_000), st.integers(16, 70), angle, angle, st.floats(4, 20), st.floats(0, 6.3))
def test_exact_points_of_a_plane_are_never_a_head(
    seed: int, count: int, yaw: float, pitch: float, distance: float, roll: float
) -> None:
    points = face_points(seed, count)
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    now = (rotated(points, np.zeros(count), yaw, pitch, distance) @ turn.T).astype(np.float32)
    seen = parallax(points, now)
    if seen is not None:
        assert seen.turn < 0.01
        assert not is_like_head(seen, LIMITS)
        assert is_like_sheet(seen, LIMITS) or seen.squeezed < LIMITS.least_squeezed or seen.error > 0.03


@LAW
@given(st.integers(0, 10_000), st.floats(-0.25, 0.25), st.floats(0, 3.2), angle)
def test_a_sheet_that_is_bent_while_it_is_turned_is_no_head(seed: int, bend: float, axis: float, yaw: float) -> None:
    """A parabola, which a slightly bent sheet is: with 0.25 its edge lies 1 cm behind its middle."""
    points = face_points(seed)
    across = (points - (0, 0.5)) @ np.array([np.cos(axis), np.sin(axis)])
    seen = parallax(points, rotated(points, -bend * across**2, yaw, 0))
    assert seen is None or not is_like_head(seen, LIMITS)


@LAW
@given(st.integers(0, 10_000), st.floats(15, 35), st.booleans(), st.floats(0.7, 1.4))
def test_a_head_that_turns_is_one(seed: int, yaw: float, other: bool, nose: float) -> None:
    points = face_points(seed)
    roundness = -0.35 * ((points[:, 0] / 1.2) ** 2 + ((points[:, 1] - 0.5) / 1.8) ** 2)
    height = nose * relief(points) + roundness
    seen = parallax(points, rotated(points, height, -yaw if other else yaw, 0))
    assert seen is not None
    assert is_like_head(seen, LIMITS)
    assert seen.turn == pytest.approx(nose * np.sin(np.radians(yaw)), rel=0.35)


def test_points_that_say_nothing_are_no_evidence() -> None:
    assert parallax(face_points(0, 15), face_points(0, 15)) is None
    same = np.zeros((20, 2), np.float32)
    assert parallax(same, same) is None
    line = np.column_stack([np.linspace(-0.8, 0.8, 30), np.zeros(30)]).astype(np.float32)
    seen = parallax(line, line * 50 + 100)
    assert seen is None or not is_like_head(seen, LIMITS)


def test_one_look_is_not_enough_and_a_finding_stands() -> None:
    points = face_points(3)
    head = parallax(points, rotated(points, relief(points), 25, 0))
    sheet = parallax(points, rotated(points, np.zeros(len(points)), 40, 0))
    test = PlanarityTest()
    assert [test.look(seen).live for seen in (head, head, None, head, head)] == [None] * 5
    assert test.look(head).live is True
    test.forget()
    assert [test.look(sheet).live for _ in range(LIMITS.looks_flat)] == [None] * (LIMITS.looks_flat - 1) + [False]
    assert test.step(np.zeros((480, 640, 3), np.uint8), 1.0, FACE.landmarks_px).reason == "flat"


@pytest.mark.parametrize("picture", ["grey", "noise", "outside"])
def test_a_face_without_texture_or_half_outside_is_no_evidence(picture: str) -> None:
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 255, (480, 640, 3), dtype=np.uint8) for _ in range(8)]
    if picture == "grey":
        frames = [np.full((480, 640, 3), 90, np.uint8)] * 8
    landmarks = FACE.landmarks_px - np.float32(400) if picture == "outside" else FACE.landmarks_px
    test = PlanarityTest()
    for at, frame in enumerate(frames):
        found = test.step(frame, at / 10, landmarks if at % 3 == 0 else None)
        assert (found.live, found.reason) == (None, "not-enough-motion")
    assert test.step(cv2.resize(frames[0], (320, 240)), 2.0, None).live is None


# Poses of movements as they look in a picture that is not mirrored.
POSES = {Move.LEFT: Pose(25, 0, 0), Move.RIGHT: Pose(-25, 0, 0), Move.NOD: Pose(1, 16, 0)}
REST = Pose(2, 1, 0)


def play(
    challenge: Challenge, answers: Sequence[Move | None], *, mirrored: bool = False, delay_s: float = 0.4
) -> Liveness:
    """Somebody who makes a movement of their choice each time that they are asked for one."""
    now, asked_s, given_ = 0.0, 0.0, 0
    before: str | None = None
    while challenge.finding.live is None and now < 200:
        prompt = challenge.finding.prompt
        if prompt is not None and prompt != before:
            asked_s, given_ = now, given_ + 1
        before = prompt
        pose = REST
        if prompt is not None and now - asked_s >= delay_s:
            move = answers[given_ - 1]
            pose = REST if move is None else POSES[move]
            pose = pose._replace(yaw_deg=-pose.yaw_deg) if mirrored else pose
        challenge.step(now, pose)
        now += 0.1
    return challenge.finding


moves = st.lists(st.sampled_from(list(Move)), min_size=3, max_size=3)


@LAW
@given(st.integers(0, 10_000), moves, st.booleans())
def test_only_the_order_that_was_asked_for_passes(seed: int, answers: list[Move], mirrored: bool) -> None:
    order = draw_order(3, [], random.Random(seed))
    challenge = Challenge(order, move_s=4, rng=random.Random(seed), mirrored=mirrored)
    found = play(challenge, answers, mirrored=mirrored)
    assert found.live is (tuple(answers) == order)
    assert found.reason == ("live" if found.live else "challenge-failed")


def test_a_mirrored_picture_swaps_left_and_right() -> None:
    order = (Move.LEFT, Move.NOD, Move.RIGHT)
    assert play(Challenge(order, move_s=4, rng=random.Random(0), mirrored=True), order, mirrored=True).live is True
    assert play(Challenge(order, move_s=4, rng=random.Random(0)), order, mirrored=True).live is False
    assert play(Challenge(order, move_s=4, rng=random.Random(0), mirrored=True), order).live is False


@pytest.mark.parametrize(("answers", "delay_s"), [((None,), 0.0), ((Move.LEFT,), 0.0), ((Move.LEFT,), 5.0)])
def test_doing_nothing_too_early_or_too_late_fails(answers: tuple[Move | None], delay_s: float) -> None:
    order = (Move.LEFT, Move.NOD)
    found = play(Challenge(order, move_s=3, rng=random.Random(1)), answers, delay_s=delay_s)
    assert (found.live, found.reason) == (False, "challenge-failed")


def test_nobody_to_be_seen_fails_too() -> None:
    challenge = Challenge((Move.LEFT, Move.NOD), move_s=3, rng=random.Random(1))
    assert [challenge.step(time_s, None).live for time_s in (0.0, 2.9, 3.1)] == [None, None, False]


@LAW
@given(st.integers(0, 10_000), st.integers(2, 5))
def test_orders_are_drawn_anew_and_none_comes_again_at_once(seed: int, count: int) -> None:
    rng, orders = random.Random(seed), []
    for _ in range(5):
        orders.append(draw_order(count, orders, rng))
    assert all(len(order) == count for order in orders)
    assert all(a is not b for order in orders for a, b in itertools.pairwise(order))
    assert len(set(orders)) == 5


finding = st.sampled_from([LIVE, UNKNOWN, NO])


@given(st.lists(finding, max_size=4))
def test_one_no_decides_and_a_yes_needs_all(findings: list[Liveness]) -> None:
    said = combined(findings).live
    assert (said is True) == (bool(findings) and all(item.live is True for item in findings))
    assert (said is False) == any(item.live is False for item in findings)


def seen(track: int, similarity: float, liveness: Liveness | None) -> SeenFace:
    values = np.array([similarity], np.float32)
    return SeenFace(face=FACE, track=track, subject=True, found=FOUND, similarities=values, liveness=liveness)


@LAW
@given(
    st.sampled_from(["off", "on", "required"]),
    st.lists(st.tuples(st.sampled_from([0, 1, 1, 1, 2]), st.one_of(st.none(), finding), st.booleans()), max_size=12),
)
def test_nobody_is_accepted_whose_track_was_not_found_live(
    mode: str, events: list[tuple[int, Liveness | None, bool]]
) -> None:
    question = Question(
        names=("a",), threshold=0.5, policy=DecisionPolicy(frames=3), liveness=LivenessPolicy(mode=mode)
    )
    attempt, decision = Attempt(question), None
    known: dict[int, bool | None] = {}
    for at, (track, liveness, photo) in enumerate(events):
        known[track] = None if liveness is None and track not in known else known.get(track)
        known[track] = known[track] if liveness is None else liveness.live
        decision = attempt.add(at * 0.5, seen(track, 0.9, liveness), photo=photo)
        if decision is not None:
            break
    decision = decision or attempt.end_of_source()
    if decision.accepted and mode == "required":
        assert decision.track is not None
        assert known[decision.track] is True
    if decision.accepted and mode == "on":
        assert known[decision.track or 0] is not False
    if decision.outcome is Outcome.NOT_LIVE:
        assert mode != "off"
        assert (decision.person, decision.similarity) == (None, None)


def decided(mode: str, *found: Liveness | None, similarity: float = 0.9) -> Decision:
    question = Question(
        names=("a",), threshold=0.5, policy=DecisionPolicy(frames=2), liveness=LivenessPolicy(mode=mode)
    )
    attempt = Attempt(question)
    for at in range(60):
        liveness = found[min(at, len(found) - 1)]
        decision = attempt.add(at * 0.25, seen(1, similarity, liveness))
        if decision is not None:
            return decision
    raise AssertionError("no decision")


def test_without_evidence_in_time_nobody_is_accepted() -> None:
    still = decided("required", UNKNOWN)
    assert (still.outcome, still.reason, still.ended_s) == (Outcome.NOT_LIVE, "no-liveness", 10.0)
    assert decided("required", None).outcome is Outcome.NOT_LIVE
    assert decided("required", UNKNOWN, UNKNOWN, UNKNOWN, LIVE).accepted
    assert decided("required", LIVE, similarity=0.1).outcome is Outcome.REJECTED
    assert decided("on", UNKNOWN).accepted
    assert decided("off", NO).accepted
    for mode in ("on", "required"):
        picture = decided(mode, UNKNOWN, NO)
        assert (picture.outcome, picture.reason, picture.nearest) == (Outcome.NOT_LIVE, "flat", None)


def test_a_challenge_gives_the_attempt_its_time() -> None:
    policy = LivenessPolicy(mode="required", challenge=True, moves=2, move_s=3)
    attempt = Attempt(Question(names=("a",), threshold=0.5, policy=DecisionPolicy(timeout_s=4), liveness=policy))
    assert attempt.add(0.0, seen(1, 0.9, UNKNOWN)) is None
    assert attempt.wait(9.9) is None
    assert attempt.wait(10.1) is not None


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("liveness must be", {"mode": "maybe"}),
        ("challenge makes sense", {"mode": "on", "challenge": True}),
        ("2 to 8 movements", {"moves": 1}),
        ("1 to 30 seconds", {"move_s": 0.1}),
    ],
)
def test_a_policy_that_cannot_be_met_is_refused(words: str, values: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=words):
        LivenessPolicy(**values)  # type: ignore[arg-type]


def test_a_stage_tests_something_of_one_face() -> None:
    assert make_stage(LivenessPolicy(), None, faces="all") is None
    with pytest.raises(UsageError, match="one face at a time"):
        make_stage(LivenessPolicy(mode="on"), None, faces="all")
    with pytest.raises(UsageError, match="no test of it"):
        make_stage(LivenessPolicy(mode="required", planarity=False), None, faces="largest")


def test_what_is_known_belongs_to_one_track() -> None:
    policy = LivenessPolicy(mode="required", planarity=False, challenge=True, moves=2, move_s=3)
    stage = LivenessStage(policy, rng=random.Random(0))
    image = np.zeros((480, 640, 3), np.uint8)
    asked = [stage.look(image, at / 10, 1, FACE, fresh=True).prompt for at in range(15)]
    assert asked[-1] is not None
    assert stage.due(2.0)
    # A short gap is forgiven, a long one is not; another track begins anew, and an unsure one knows nothing.
    stage.gap(1.8)
    assert stage.look(image, 1.8, 1, FACE, fresh=True).live is None
    stage.gap(2.5)
    assert stage.look(image, 2.6, 1, FACE, fresh=True).reason == "challenge-failed"
    assert stage.look(image, 2.7, 2, FACE, fresh=True).live is None
    assert stage.look(image, 2.8, 0, FACE, fresh=True) == UNKNOWN
    assert stage.prompt is None
