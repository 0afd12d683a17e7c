"""Error rates against plain loops over all pairs, their laws, and scikit-learn where it is installed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from edge_helpers import LAW
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import DataError, UsageError
from edge_runtime.measures.metrics import (
    PairScores,
    equal_error_rate,
    operating_point,
    pair_scores,
    point_at,
    proportion_upper_bound,
    roc_auc,
    roc_curve,
    tar_at_far,
    unit_rows,
)

# Few values, so that ties are common.
values = st.lists(st.integers(-8, 8).map(lambda n: n / 8), min_size=1, max_size=25)
pairs = st.builds(lambda g, i: PairScores(genuine=np.array(g), impostor=np.array(i)), values, values)


def rates(scores: PairScores, threshold: float) -> tuple[float, float]:
    """FMR and FNMR by counting."""
    matches = sum(1 for s in scores.impostor if s >= threshold)
    misses = sum(1 for s in scores.genuine if s < threshold)
    return matches / len(scores.impostor), misses / len(scores.genuine)


@LAW
@given(pairs)
def test_the_roc_is_what_counting_gives(scores: PairScores) -> None:
    thresholds, fmr, tar = roc_curve(scores)
    assert list(thresholds) == [math.inf, *sorted({*scores.genuine, *scores.impostor}, reverse=True)]
    for threshold, one_fmr, one_tar in zip(thresholds, fmr, tar, strict=True):
        counted_fmr, counted_fnmr = rates(scores, threshold)
        assert one_fmr == pytest.approx(counted_fmr)
        assert one_tar == pytest.approx(1 - counted_fnmr)
    assert (fmr[-1], tar[-1]) == (1, 1)


@LAW
@given(pairs)
def test_the_area_is_the_chance_of_the_right_order(scores: PairScores) -> None:
    wins = sum((g > i) + (g == i) / 2 for g in scores.genuine for i in scores.impostor)
    assert roc_auc(scores) == pytest.approx(wins / (len(scores.genuine) * len(scores.impostor)))


@LAW
@given(pairs)
def test_the_eer_lies_between_the_rates_around_its_threshold(scores: PairScores) -> None:
    eer, threshold = equal_error_rate(scores)
    fmr, fnmr = rates(scores, threshold)
    above_fmr, above_fnmr = rates(scores, np.nextafter(threshold, np.inf))
    assert fmr >= fnmr
    assert above_fmr <= above_fnmr or fmr == fnmr
    assert min(fmr, above_fmr) - 1e-12 <= eer <= max(fnmr, above_fnmr) + 1e-12


@LAW
@given(pairs, st.floats(0.1, 5), st.floats(-3, 3))
def test_ranks_alone_matter(scores: PairScores, scale: float, shift: float) -> None:
    moved = PairScores(genuine=scale * scores.genuine + shift, impostor=scale * scores.impostor + shift)
    cubed = PairScores(genuine=scores.genuine**3, impostor=scores.impostor**3)
    for other in (moved, cubed):
        assert equal_error_rate(other)[0] == pytest.approx(equal_error_rate(scores)[0])
        assert roc_auc(other) == pytest.approx(roc_auc(scores))


@LAW
@given(pairs)
def test_the_order_of_pairs_does_not_matter(scores: PairScores) -> None:
    mixed = PairScores(genuine=np.flip(scores.genuine), impostor=np.roll(scores.impostor, 1))
    for one, other in zip(roc_curve(scores), roc_curve(mixed), strict=True):
        np.testing.assert_array_equal(one, other)


@LAW
@given(pairs, st.floats(-1, 1), st.floats(-1, 1))
def test_fmr_falls_and_fnmr_rises_with_the_threshold(scores: PairScores, one: float, other: float) -> None:
    low, high = point_at(scores, min(one, other), target_fmr=0.1), point_at(scores, max(one, other), target_fmr=0.1)
    assert low.fmr >= high.fmr
    assert low.fnmr <= high.fnmr
    assert (low.fmr, low.fnmr) == pytest.approx(rates(scores, low.threshold))


@LAW
@given(pairs, st.floats(0.01, 0.99))
def test_an_operating_point_is_the_lowest_threshold_that_keeps_the_target(scores: PairScores, target: float) -> None:
    point = operating_point(scores, target)
    if len(scores.impostor) * target < 1:
        assert point is None
        assert tar_at_far(scores, target) is None
        return
    assert point is not None
    assert point.fmr <= target + 1e-9
    assert rates(scores, np.nextafter(point.threshold, -np.inf))[0] > target
    assert point.fmr <= point.fmr_upper <= 1
    best = max(1 - rates(scores, t)[1] for t in [math.inf, *scores.genuine] if rates(scores, t)[0] <= target)
    assert tar_at_far(scores, target) == pytest.approx(best)


@pytest.mark.parametrize("target", [0, 1, -0.1, 2, math.nan])
def test_a_target_outside_0_to_1_is_refused(target: float) -> None:
    scores = PairScores(genuine=np.ones(3), impostor=np.zeros(3))
    with pytest.raises(UsageError, match="between 0 and 1"):
        operating_point(scores, target)


def test_all_pairs_are_scored_once() -> None:
    rows = np.random.default_rng(3).normal(size=(7, 5))
    people = np.array([0, 0, 1, 1, 1, 2, 3])
    genuine, impostor = [], []
    for i in range(7):
        for j in range(i + 1, 7):
            cosine = sum(rows[i] * rows[j]) / math.sqrt(sum(rows[i] ** 2) * sum(rows[j] ** 2))
            (genuine if people[i] == people[j] else impostor).append(cosine)
    scores = pair_scores(rows, people)
    np.testing.assert_allclose(scores.genuine, genuine, atol=1e-6)
    np.testing.assert_allclose(scores.impostor, impostor, atol=1e-6)


@pytest.mark.parametrize("people", [[1, 1, 1], [1, 2, 3]])
def test_pairs_of_both_kinds_are_needed(people: list[int]) -> None:
    with pytest.raises(DataError, match="pairs of one person and of two people"):
        pair_scores(np.eye(3), np.array(people))


@LAW
@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), min_size=1, max_size=6))
def test_rows_get_length_one_and_keep_their_direction(rows: list[list[float]]) -> None:
    array = np.array(rows)
    if (np.linalg.norm(array, axis=1) < 1e-3).any():
        array[:, 0] += 2e6
    scaled = unit_rows(array)
    np.testing.assert_allclose(np.linalg.norm(scaled, axis=1), 1, atol=1e-6)
    assert (np.sum(scaled * array, axis=1) > 0).all()
    np.testing.assert_allclose(unit_rows(scaled), scaled, atol=1e-6)


@pytest.mark.parametrize("bad", [0.0, math.nan, math.inf])
def test_rows_without_a_direction_are_refused(bad: float) -> None:
    with pytest.raises(DataError, match="zero or not finite"):
        unit_rows(np.array([[1.0, 2.0], [bad, 0.0]]))


@LAW
@given(st.integers(1, 60), st.data(), st.floats(0.5, 0.99))
def test_the_upper_bound_is_where_so_few_events_get_unlikely(trials: int, data: st.DataObject, sure: float) -> None:
    events = data.draw(st.integers(0, trials))
    bound = proportion_upper_bound(events, trials, sure)
    assert events / trials <= bound <= 1
    if events < trials:
        chance = sum(math.comb(trials, k) * bound**k * (1 - bound) ** (trials - k) for k in range(events + 1))
        assert chance == pytest.approx(1 - sure, abs=1e-9)
        assert bound <= proportion_upper_bound(events + 1, trials, sure)
    else:
        assert bound == 1


def test_the_upper_bound_of_none_of_many_is_the_rule_of_three() -> None:
    assert proportion_upper_bound(0, 78_000) == pytest.approx(3 / 78_000, rel=0.01)
    with pytest.raises(UsageError, match="no bound"):
        proportion_upper_bound(3, 2)


@LAW
@given(pairs)
def test_scikit_learn_agrees(scores: PairScores) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    truth = [1] * len(scores.genuine) + [0] * len(scores.impostor)
    both = np.concatenate([scores.genuine, scores.impostor])
    fmr, tar, thresholds = metrics.roc_curve(truth, both, drop_intermediate=False)
    for ours, theirs in zip(roc_curve(scores), (thresholds, fmr, tar), strict=True):
        np.testing.assert_allclose(ours, theirs)
    assert roc_auc(scores) == pytest.approx(metrics.roc_auc_score(truth, both))
