"""Counts of pairs on the grid against the exact similarities, and intervals of shares against scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge_runtime.errors import DataError, UsageError
from edge_runtime.measures.metrics import (
    PairCounts,
    PairScores,
    equal_error_rate,
    errors_at,
    operating_point,
    proportion_interval,
    proportion_upper_bound,
    roc_auc,
    roc_curve,
    tar_at_far,
    threshold_for,
)
from edge_runtime.measures.scores import GRID_STEP, count_pairs, pair_blocks, pair_scores


def some(people: int = 40, each: int = 8, length: int = 16, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(people), each)
    return rng.normal(size=(people, length))[labels] + 0.8 * rng.normal(size=(labels.size, length)), labels


def test_every_pair_is_in_one_block() -> None:
    rows = np.random.default_rng(0).normal(size=(600, 4))
    seen = np.zeros((600, 600), dtype=int)
    for block in pair_blocks(rows):
        seen[block.rows, block.columns] += 1 if block.valid is None else block.valid
    np.testing.assert_array_equal(seen, np.triu(np.ones((600, 600), dtype=int), k=1))


def test_counts_hold_the_exact_similarities_on_the_grid() -> None:
    rows, labels = some()
    exact, counts = pair_scores(rows, labels), count_pairs(rows, labels)
    assert (counts.genuine_pairs, counts.impostor_pairs) == (exact.genuine_pairs, exact.impostor_pairs)
    for kind in ("genuine", "impostor"):
        floored = np.floor((np.sort(getattr(exact, kind)) + 1) / GRID_STEP) * GRID_STEP - 1
        np.testing.assert_allclose(np.repeat(counts.values, getattr(counts, kind)), floored, atol=GRID_STEP)


def test_counts_give_the_rates_of_the_exact_similarities() -> None:
    rows, labels = some()
    exact, counts = pair_scores(rows, labels), count_pairs(rows, labels)
    assert roc_auc(counts) == pytest.approx(roc_auc(exact), abs=1e-6)
    assert equal_error_rate(counts)[0] == pytest.approx(equal_error_rate(exact)[0], abs=1e-4)
    for far in (1e-1, 1e-2, 1e-3):
        assert tar_at_far(counts, far) == pytest.approx(tar_at_far(exact, far), abs=2e-3)
        point, other = operating_point(counts, far), operating_point(exact, far)
        assert point is not None
        assert other is not None
        assert point.threshold == pytest.approx(other.threshold, abs=2 * GRID_STEP)
        assert point.fmr <= far
        assert errors_at(exact, point.threshold)[0] == point.false_matches
    assert tar_at_far(counts, 1e-6) is None


def test_one_count_a_cell_is_the_same_as_scores() -> None:
    counts = PairCounts(
        values=np.array([-0.5, 0.0, 0.25, 0.5]),
        genuine=np.array([0, 1, 0, 3]),
        impostor=np.array([4, 2, 1, 0]),
        step=0.25,
    )
    scores = PairScores(genuine=np.array([0, 0.5, 0.5, 0.5]), impostor=np.array([-0.5] * 4 + [0, 0, 0.25]))
    for one, other in zip(roc_curve(counts), roc_curve(scores), strict=True):
        np.testing.assert_allclose(one, other)
    assert equal_error_rate(counts) == equal_error_rate(scores)
    assert errors_at(counts, 0.25) == errors_at(scores, 0.25) == (1, 1)
    point = operating_point(counts, 0.2)
    assert point is not None
    assert (point.threshold, point.false_matches) == (0.25, 1)


def test_identical_impostors_can_be_refused() -> None:
    rows = np.array([[1.0, 0], [1.0, 0], [0, 1.0], [0.1, 1.0]])
    counts = count_pairs(rows, np.array([0, 1, 2, 2]))
    threshold = threshold_for(counts, 0.1)
    assert threshold > 1
    assert errors_at(counts, threshold) == (0, 1)


def test_pairs_of_both_kinds_are_needed() -> None:
    with pytest.raises(DataError, match="pairs of one person and of two people"):
        count_pairs(np.eye(3), np.array([0, 1, 2]))


@pytest.mark.parametrize(("events", "trials"), [(0, 10), (3, 50), (10, 10), (30, 300_000), (5_000_000, 50_000_000)])
def test_intervals_of_shares_are_those_of_scipy(events: int, trials: int) -> None:
    beta = pytest.importorskip("scipy.stats").beta
    low, high = proportion_interval(events, trials)
    assert low == pytest.approx(beta.ppf(0.025, events, trials - events + 1) if events else 0, rel=1e-6)
    assert high == pytest.approx(beta.ppf(0.975, events + 1, trials - events) if events < trials else 1, rel=1e-6)
    if events < trials:
        assert proportion_upper_bound(events, trials) == pytest.approx(
            beta.ppf(0.95, events + 1, trials - events), rel=1e-6
        )


def test_an_interval_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="no bound"):
        proportion_interval(1, 0)
    assert proportion_interval(0, 3)[1] == pytest.approx(1 - 0.025 ** (1 / 3))
    assert not math.isnan(proportion_interval(1, 1)[0])
