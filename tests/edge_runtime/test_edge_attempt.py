"""The laws of an attempt: what leads to an acceptance, and that nothing else does."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from edge_helpers import LAW
from hypothesis import assume, given
from hypothesis import strategies as st

from edge_runtime.decisions.attempt import Attempt, Question
from edge_runtime.decisions.decide import Decision, Outcome
from edge_runtime.decisions.fuse import best_possible, fuse, judge
from edge_runtime.decisions.observe import SeenFace
from edge_runtime.decisions.policy import FUSINGS, DecisionPolicy
from edge_runtime.errors import UsageError
from edge_runtime.faces.detect import Face
from edge_runtime.faces.finder import FoundFace
from edge_runtime.faces.quality import Quality, quality_weight

MEAN = DecisionPolicy(fusing="mean")
GOOD = Quality(interocular_px=40, sharpness=60, brightness=120, contrast=30, inside=1, score=0.9)
FACE = Face(box_px=(0, 0, 50, 50), landmarks_px=np.array([[10, 10], [40, 10], [25, 25], [25, 40]], np.float32), score=1)
similarity = st.floats(-1, 1, width=32)


def seen(*similarities: float, track: int = 1, quality: Quality = GOOD, problem: str | None = None) -> SeenFace:
    crop = np.zeros((48, 48, 3), np.uint8)
    told = None if problem is None else (problem, "advice")
    points = FACE.landmarks_px
    found = FoundFace(
        face=FACE, points_px=points, crop_rgb=crop, quality=quality, problem=told, detect_ms=1, align_ms=1
    )
    values = np.array(similarities, np.float32) if similarities and problem is None else None
    return SeenFace(face=FACE, track=track, subject=True, found=found, problem=problem, similarities=values)


def question(threshold: float = 0.5, names: Sequence[str] = ("a",), **policy: object) -> Question:
    return Question(names=tuple(names), threshold=threshold, policy=DecisionPolicy(**policy))  # type: ignore[arg-type]


@LAW
@given(st.lists(st.lists(similarity, min_size=3, max_size=3), min_size=1, max_size=6), similarity)
def test_the_one_comparison_is_the_mean_against_the_threshold(rows: list[list[float]], threshold: float) -> None:
    means = [sum(row[k] for row in rows) / len(rows) for k in range(3)]
    verdict = judge([np.float32(row) for row in rows], [1.0] * len(rows), ["a", "b", "c"], threshold, MEAN)
    assert verdict.similarity == pytest.approx(max(means), abs=1e-6)
    assert means["abc".index(verdict.nearest)] == pytest.approx(max(means), abs=1e-6)
    assert verdict.accepted == (verdict.similarity >= threshold)
    assert verdict.margin == pytest.approx(sorted(means)[2] - sorted(means)[1], abs=1e-6)


@pytest.mark.parametrize(
    ("rows", "names", "threshold"),
    [
        ([], ["a"], 0.5),
        ([[1.0]], [], 0.5),
        ([[np.nan]], ["a"], 0.5),
        ([[1.0]], ["a"], np.nan),
        ([[1.0, 1.0]], ["a"], 0),
        ([[1.0], [1.0, 1.0]], ["a"], 0),
    ],
)
def test_no_evidence_is_no_decision(rows: list[list[float]], names: list[str], threshold: float) -> None:
    with pytest.raises(UsageError, match="no decision"):
        judge([np.float32(row) for row in rows], [1.0] * len(rows), names, threshold, MEAN)


@pytest.mark.parametrize("weights", [[], [0.0], [np.nan], [1.5], [-0.1]])
def test_weights_that_are_none_are_refused(weights: list[float]) -> None:
    with pytest.raises(UsageError, match="no decision"):
        judge([np.float32([1.0])], weights, ["a"], 0.5, MEAN)


def test_a_better_frame_counts_more() -> None:
    blurred = dataclasses.replace(GOOD, sharpness=10)
    assert (quality_weight(GOOD), quality_weight(blurred)) == (1.0, pytest.approx(0.2))
    attempt = Attempt(question(0.5, frames=2, spacing_s=0))
    attempt.add(0, seen(0.9))
    decision = attempt.add(1, seen(0.3, quality=blurred))
    assert decision is not None
    assert decision.similarity == pytest.approx((0.9 + 0.2 * 0.3) / 1.2)
    assert decision.accepted


@LAW
@given(
    st.lists(st.tuples(similarity, st.floats(0.1, 1)), min_size=1, max_size=7),
    st.sampled_from(["weighted", "mean", "k-of-n"]),
    st.integers(1, 7),
    similarity,
)
def test_curtailing_never_changes_what_would_have_come(
    rows: list[tuple[float, float]], fusing: str, needed: int, threshold: float
) -> None:
    policy = DecisionPolicy(frames=7, fusing=fusing, needed=needed if fusing == "k-of-n" else None)
    values, weights = [np.float32([value]) for value, _ in rows], [weight for _, weight in rows]
    final = float(fuse(values, weights, policy)[0])
    for count in range(1, len(rows) + 1):
        possible = float(best_possible(values[:count], weights[:count], policy)[0])
        if possible < threshold - 1e-9:
            assert final < threshold


@LAW
@given(st.lists(similarity, min_size=1, max_size=7), st.integers(1, 7), similarity)
def test_k_of_n_counts_frames_that_match(values: list[float], needed: int, threshold: float) -> None:
    threshold = float(np.float32(threshold))
    policy = DecisionPolicy(frames=7, fusing="k-of-n", needed=needed)
    verdict = judge([np.float32([value]) for value in values], [1.0] * len(values), ["a"], threshold, policy)
    matching, wanted = sum(np.float32(value) >= threshold for value in values), -(-needed * len(values) // 7)
    assert verdict.accepted == (matching >= wanted)
    assert verdict.reason in ("match", "too-few-matches")


event = st.one_of(
    st.tuples(st.just("face"), similarity, st.integers(0, 2), st.floats(0, 1.5)),
    st.tuples(st.sampled_from(["no-face", "several-faces", "too-dark"]), st.just(0.0), st.just(1), st.floats(0, 1.5)),
    st.tuples(st.just("wait"), st.just(0.0), st.just(1), st.floats(-0.5, 3)),
    st.tuples(st.just("not-a-number"), st.just(np.nan), st.just(1), st.floats(0, 1)),
)


@LAW
@given(st.lists(event, max_size=30), st.floats(-0.9, 0.9), st.sampled_from(["weighted", "mean", "k-of-n"]))
def test_no_sequence_of_events_is_accepted_unless_all_conditions_hold(
    events: list[tuple[str, float, int, float]], threshold: float, fusing: str
) -> None:
    attempt = Attempt(question(threshold, frames=3, spacing_s=0.2, timeout_s=5.0, fusing=fusing))
    now, first_s, last_s, decision = 10.0, None, 10.0, None
    good: list[tuple[float, float, int]] = []
    for kind, value, track, after_s in events:
        now += after_s
        try:
            if kind == "wait":
                decision = attempt.wait(now)
            elif kind in ("face", "not-a-number"):
                decision = attempt.add(now, seen(value, track=track))
                good.append((now, value, track))
            else:
                decision = attempt.add(now, None, problem=kind, advice="")
        except UsageError:
            decision = attempt.fault("broken")
        if decision is not None:
            break
        first_s, last_s = now if first_s is None else first_s, now
    decision = decision or attempt.end_of_source()
    if not decision.accepted:
        assert decision.person is None
        return
    assert now >= last_s, "the clock went backwards"
    assert now - (now if first_s is None else first_s) <= 5.0
    # The evidence is the last run of one known track, spaced; each of it a number; their fusion reaches the threshold.
    mine = [(at, value) for at, value, track in good if track == decision.track]
    others = [at for at, _, track in good if track not in (0, decision.track)]
    mine = [(at, value) for at, value in mine if not others or at >= max(others)]
    assert decision.track
    assert 1 <= decision.good_frames <= len(mine)
    assert max(value for _, value in mine) >= threshold - 1e-6
    assert decision.similarity is not None
    assert decision.similarity >= threshold
    assert (decision.person, decision.reason) == ("a", "match")


def test_evidence_of_two_tracks_never_mixes() -> None:
    attempt = Attempt(question(0.5, frames=3, spacing_s=0.2))
    assert attempt.add(0.0, seen(0.9, track=1)) is None
    assert attempt.add(0.5, seen(0.9, track=1)) is None
    assert attempt.add(1.0, seen(0.2, track=2)) is None
    assert (attempt.track, attempt.good_frames) == (2, 1)
    decision = attempt.add(1.5, seen(0.2, track=2))
    # Two frames of 0.2 and a perfect one would be 0.47: no frame could still change it.
    assert decision is not None
    assert (decision.outcome, decision.good_frames, decision.track) == (Outcome.REJECTED, 2, 2)
    assert decision.similarity == pytest.approx(0.2)


def test_an_attempt_has_one_decision() -> None:
    attempt = Attempt(question(0.5, frames=1))
    assert attempt.add(0.0, seen(0.2)) is not None
    assert attempt.add(1.0, seen(0.9)) is attempt.wait(0.5) is None
    assert attempt.decision is not None
    assert not attempt.decision.accepted


@pytest.mark.parametrize("fusing", FUSINGS)
def test_evidence_that_is_not_finite_is_never_accepted(fusing: str) -> None:
    for frames in (1, 3):
        attempt = Attempt(question(-0.9, frames=frames, fusing=fusing))
        with pytest.raises(UsageError, match="not finite"):
            attempt.add(0.0, seen(np.nan))


@pytest.mark.parametrize(
    ("wait_s", "problem", "expected"),
    [
        (11.0, None, (Outcome.TIMEOUT, "no-frames")),
        (11.0, "no-face", (Outcome.NO_FACE, "no-face")),
        (11.0, "several-faces", (Outcome.SEVERAL_FACES, "several-faces")),
        (11.0, "blurred", (Outcome.LOW_QUALITY, "blurred")),
        (-1.0, None, (Outcome.FAULT, "clock-went-backwards")),
        (np.nan, None, (Outcome.FAULT, "clock-went-backwards")),
    ],
)
def test_time_that_passes_without_evidence(wait_s: float, problem: str | None, expected: tuple[Outcome, str]) -> None:
    attempt = Attempt(question())
    assert attempt.wait(0.0) is None
    if problem is not None:
        assert attempt.add(0.0, None, problem=problem) is None
    decision = attempt.wait(wait_s)
    assert decision is not None
    assert (decision.outcome, decision.reason) == expected


def test_a_source_without_a_frame_is_no_face() -> None:
    decision = Attempt(question()).end_of_source()
    assert (decision.outcome, decision.reason) == (Outcome.NO_FACE, "no-frames")


@LAW
@given(st.lists(similarity, min_size=2, max_size=5, unique=True), st.floats(0, 1))
def test_a_margin_only_refuses(values: list[float], margin: float) -> None:
    names = [str(at) for at in range(len(values))]
    rows = [np.array(values, np.float32)]
    without = judge(rows, [1.0], names, -1.0, MEAN)
    strict = judge(rows, [1.0], names, -1.0, DecisionPolicy(fusing="mean", min_margin=margin))
    assume(without.margin is not None)
    assert without.accepted
    assert strict.accepted == (without.margin >= margin)
    assert strict.reason == ("match" if strict.accepted else "ambiguous")


def test_a_decision_is_plain_values() -> None:
    attempt = Attempt(question(0.5, names=("a", "b"), frames=1))
    decision = attempt.add(1.25, seen(0.98761, 0.4), latency_ms={"detect": 1.23456})
    assert isinstance(decision, Decision)
    values = decision.to_dict()
    assert (values["outcome"], values["similarity"], values["margin"]) == ("accepted", 0.9876, 0.5876)
    assert (values["started_s"], values["latency_ms"]["detect"], values["quality"]["sharpness"]) == (1.25, 1.235, 60)
    assert set(values) == {field.name for field in dataclasses.fields(Decision)}
