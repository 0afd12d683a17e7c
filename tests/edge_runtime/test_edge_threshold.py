"""Which threshold is taken, and what is known of the rate that it gives a whole attempt."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from edge_helpers import LAW, unit
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.decisions.policy import DecisionPolicy
from edge_runtime.decisions.threshold import Threshold, choose_threshold
from edge_runtime.errors import GalleryError, TowerError, UsageError
from edge_runtime.gallery.match import Enrolled, margin_to_next, person_similarities
from edge_runtime.measures.rates import frame_rate_for, identification_rate, match_rate_for
from edge_runtime.towers.card import card_from_json, card_to_json
from edge_runtime.towers.tower import Tower


def people(count: int, *, templates: int = 2, score: str = "mean") -> Enrolled:
    rows = {f"p{i}": np.stack([t.embedding for t in unit(*range(i * 9, i * 9 + templates))]) for i in range(count)}
    return Enrolled.of(rows, score=score)


@pytest.fixture
def calibrated(tiny_tower_path: Path) -> Tower:
    """The tiny tower (FMR 0.001, 0.01, which is its default, and 0.1), as if measured with this interpreter."""
    tower = Tower.load(tiny_tower_path)
    tower.card = dataclasses.replace(tower.card, runtime_family=tower.backend.family)
    return tower


def chosen(tower: Tower, enrolled: Enrolled, target: float | None = None, **policy: object) -> Threshold:
    return choose_threshold(tower, enrolled, DecisionPolicy(**policy), target_fmr=target)  # type: ignore[arg-type]


@LAW
@given(st.floats(0, 1), st.integers(1, 10_000))
def test_many_comparisons_err_more_often_and_their_sum_bounds_it(fmr: float, count: int) -> None:
    rate = identification_rate(fmr, count)
    assert fmr * (1 - 1e-12) <= rate <= min(1.0, fmr * count) + 1e-12
    assert rate == pytest.approx(1 - (1 - fmr) ** count, abs=1e-9)
    # And back: what is taken for one keeps all of them to the rate.
    assert identification_rate(match_rate_for(fmr, count), count) <= fmr + 1e-12


@LAW
@given(st.integers(1, 6).flatmap(lambda n: st.tuples(st.integers(1, n), st.just(n))), st.randoms(use_true_random=False))
def test_k_of_n_keeps_to_the_rate_however_frames_depend_on_each_other(counts: tuple[int, int], random: object) -> None:
    """Any distribution over which frames match has P(at least k) ≤ n/k × the mean share of frames that match."""
    needed, frames = counts
    weights = np.array([random.random() + 1e-6 for _ in range(2**frames)])  # type: ignore[attr-defined]
    chance = weights / weights.sum()
    matching = np.array([bin(pattern).count("1") for pattern in range(2**frames)])
    fmr = float(chance @ matching) / frames
    assert float(chance[matching >= needed].sum()) <= fmr * frames / needed + 1e-12
    assert frame_rate_for(0.01, needed, frames) == pytest.approx(0.01 * needed / frames)


def test_rates_that_make_no_sense_are_refused() -> None:
    for call in (
        lambda: identification_rate(1.1, 2),
        lambda: match_rate_for(0.1, 0),
        lambda: frame_rate_for(0.1, 3, 2),
        lambda: identification_rate(math.nan, 2),
    ):
        with pytest.raises(UsageError, match="no rate for"):
            call()


def test_one_person_is_compared_at_the_cards_threshold(calibrated: Tower) -> None:
    points = {point.target_fmr: point for point in calibrated.card.thresholds}
    found = chosen(calibrated, people(1))
    assert (found.value, found.target, found.comparisons) == (points[0.01].threshold, 0.01, 1)
    assert found.rate == pytest.approx(points[0.01].fmr)
    assert found.rate_upper == pytest.approx(points[0.01].fmr_upper)
    assert chosen(calibrated, people(1), 0.001).point == points[0.001]
    assert chosen(calibrated, people(1), 0.001, fusing="k-of-n").point == points[0.001]
    with pytest.raises(UsageError, match=r"no threshold for FMR 0\.005"):
        chosen(calibrated, people(1), 0.005)


def test_the_threshold_tightens_with_the_gallery(calibrated: Tower) -> None:
    points = {point.target_fmr: point for point in calibrated.card.thresholds}
    for count, fmr in ((2, 0.001), (10, 0.001)):
        found = chosen(calibrated, people(count))
        assert (found.point, found.comparisons, found.target) == (points[fmr], count, 0.01)
        assert found.rate is not None
        assert found.rate <= 0.01
    assert chosen(calibrated, people(10), 0.1).point == points[0.01]
    assert chosen(calibrated, people(3), 0.05).point == points[0.01]
    with pytest.raises(UsageError, match=r"11 comparisons .* 0\.00091 \(it has: 0\.001, 0\.01, 0\.1\)") as error:
        chosen(calibrated, people(11))
    assert "--threshold" in str(error.value)
    assert "--fmr 0.011 or higher" in str(error.value)
    assert chosen(calibrated, people(11), 0.011).point == points[0.001]
    with pytest.raises(UsageError, match="fewer people, export"):
        chosen(calibrated, people(1001))
    with pytest.raises(UsageError, match="lies between 0 and 1"):
        chosen(calibrated, people(2), 1.5)


def test_the_best_template_is_as_many_comparisons_as_templates(calibrated: Tower) -> None:
    assert chosen(calibrated, people(1, templates=5)).comparisons == 1
    assert chosen(calibrated, people(1, templates=5, score="best")).comparisons == 5
    assert chosen(calibrated, people(2, templates=5, score="best")).value > chosen(calibrated, people(1)).value
    calibrated.card = dataclasses.replace(calibrated.card, person_score="best")
    assert chosen(calibrated, people(2, templates=5, score="best")).comparisons == 2


def test_counted_frames_need_a_stricter_threshold(calibrated: Tower) -> None:
    all_of_them = chosen(calibrated, people(1), fusing="k-of-n", frames=5)
    some = chosen(calibrated, people(1), fusing="k-of-n", frames=5, needed=3)
    assert (all_of_them.point.target_fmr, some.point.target_fmr) == (0.01, 0.001)  # type: ignore[union-attr]


def test_a_threshold_of_ones_own_is_taken_as_it_is(tower: Tower) -> None:
    own = choose_threshold(tower, people(50), DecisionPolicy(), threshold=0.42)
    assert (own.value, own.rate, own.rate_upper, own.target) == (0.42, None, None, None)
    assert "your own" in own.words
    for wrong in (1.1, -1, math.nan):
        with pytest.raises(UsageError, match="a threshold is a cosine"):
            choose_threshold(tower, people(1), DecisionPolicy(), threshold=wrong)


def test_thresholds_of_another_interpreter_are_refused(calibrated: Tower) -> None:
    calibrated.card = dataclasses.replace(calibrated.card, runtime_family="another")
    with pytest.raises(UsageError, match="error rates are unknown here"):
        chosen(calibrated, people(1))


def test_what_is_known_is_said_in_one_line(calibrated: Tower) -> None:
    words = chosen(calibrated, people(10)).words
    assert "10 comparisons" in words
    assert "target 0.01" in words
    assert "\n" not in words
    assert "comparisons" not in chosen(calibrated, people(1)).words


@LAW
@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.integers(0, 2**32 - 1))
def test_scores_of_people_are_the_mean_or_the_best_of_theirs(counts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = [rng.normal(size=(count, 8)) for count in counts]
    rows = [(r / np.linalg.norm(r, axis=1, keepdims=True)).astype(np.float32) for r in rows]
    probe = rows[0][0]
    for score, reduce in (("mean", np.mean), ("best", np.max)):
        enrolled = Enrolled.of({str(i): r for i, r in enumerate(rows)}, score=score)
        assert enrolled.matrix.flags.c_contiguous
        looped = [float(reduce([float(row @ probe) for row in r])) for r in rows]
        found = person_similarities(probe, enrolled)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, looped, atol=1e-5)
        ranked = sorted(looped)
        margin = margin_to_next(found)
        assert margin is None if len(rows) == 1 else margin == pytest.approx(ranked[-1] - ranked[-2], abs=1e-5)


def test_scores_and_people_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match="mean or the best"):
        people(1, score="median")
    with pytest.raises(GalleryError, match="without a template"):
        Enrolled.of({"a": np.zeros((0, 4), np.float32)})


def test_a_card_may_say_how_people_are_scored_and_what_a_face_must_reach(tower: Tower) -> None:
    card = dataclasses.replace(tower.card, person_score="best", quality_limits={"max_yaw_deg": 30})
    assert card_from_json(card_to_json(card)) == card
    written = card_to_json(tower.card).decode()
    for held, wrong in (
        ('"person_score": "mean"', '"person_score": "median"'),
        ('"quality_limits": {}', '"quality_limits": {"max_yaw": 3}'),
        ('"quality_limits": {}', '"quality_limits": {"max_yaw_deg": "3"}'),
        ('"quality_limits": {}', '"quality_limits": {"max_yaw_deg": -3}'),
        ('"quality_limits": {}', '"quality_limits": [1]'),
    ):
        assert held in written
        with pytest.raises(TowerError):
            card_from_json(written.replace(held, wrong).encode())
