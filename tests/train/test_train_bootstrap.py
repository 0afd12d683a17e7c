"""Resampling and cross-fitting of people against plain loops over pairs, and the coverage of the intervals."""

from __future__ import annotations

import numpy as np
import pytest

from edge_runtime.measures.bootstrap import _resampled, bootstrap, fmr_upper_bound
from edge_runtime.measures.grouped import GroupCounts, count_groups, group_people, rank_edges
from edge_runtime.measures.metrics import (
    count_pairs,
    equal_error_rate,
    pair_scores,
    roc_auc,
    tar_at_far,
    threshold_for,
    unit_rows,
)
from edge_runtime.measures.scores import GRID_STEP, PairScores
from train.measure.crossfit import at_eer, at_fmr, cross_fit, people_folds


def simulated(people: int, each: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """People of whom some are harder than others, so that their pairs hang together."""
    labels = np.repeat(np.arange(people), each)
    noise = rng.uniform(0.3, 1.1, size=people)[labels, None]
    return rng.normal(size=(people, 6))[labels] + noise * rng.normal(size=(labels.size, 6)), labels


def weighed(rows: np.ndarray, labels: np.ndarray, times: np.ndarray) -> PairScores:
    """The pairs of a resample, written out: each as often as its people were drawn."""
    unit = unit_rows(rows).astype(np.float64)
    held: tuple[list[float], list[float]] = ([], [])
    for i in range(len(labels)):
        for j in range(i + 1, len(labels)):
            same = labels[i] == labels[j]
            copies = times[labels[i]] if same else times[labels[i]] * times[labels[j]]
            held[0 if same else 1].extend([float(unit[i] @ unit[j])] * int(copies))
    return PairScores(genuine=np.array(held[0]), impostor=np.array(held[1]))


def test_a_resample_is_the_pairs_written_out() -> None:
    rows, labels = simulated(9, 3, np.random.default_rng(1))
    cells = rank_edges(count_pairs(rows, labels), 10**6)
    held = count_groups(rows, labels, labels, cells)
    fmrs, tars = _resampled(held, 5, np.random.default_rng(2))
    times = np.random.default_rng(2).multinomial(9, np.full(9, 1 / 9), size=5)
    for fmr, tar, drawn in zip(fmrs, tars, times, strict=True):
        plain = weighed(rows, labels, drawn)
        for edge, one_fmr, one_tar in zip(held.edges, fmr, tar, strict=True):
            assert one_fmr == pytest.approx(np.mean(plain.impostor >= edge))
            assert one_tar == pytest.approx(np.mean(plain.genuine >= edge))


def test_the_thresholds_resolve_both_tails() -> None:
    rows, labels = simulated(60, 5, np.random.default_rng(3))
    counts = count_pairs(rows, labels)
    cells = rank_edges(counts, 40)
    assert cells.size <= 4 * 40 + 1
    assert (np.diff(cells) > 0).all()
    # From one threshold to the next the accepted impostors grow by a third at most, down to single ones.
    impostors = np.sort(np.floor((pair_scores(rows, labels).impostor + 1) / GRID_STEP))
    accepted = impostors.size - np.searchsorted(impostors, cells[::-1])
    assert accepted[0] == 0
    assert (accepted[1:] <= np.maximum(accepted[:-1] + 1, 1.34 * accepted[:-1] + 1)).all()


def test_the_same_seed_gives_the_same_intervals() -> None:
    rows, labels = simulated(30, 4, np.random.default_rng(4))
    counts = count_pairs(rows, labels)
    first = bootstrap(rows, labels, counts, fars=(0.1, 0.01), seed=7)
    assert first == bootstrap(rows, labels, counts, fars=(0.1, 0.01), seed=7)
    assert first != bootstrap(rows, labels, counts, fars=(0.1, 0.01), seed=8)
    assert first is not None
    assert first.eer[0] < equal_error_rate(pair_scores(rows, labels))[0] < first.eer[1]
    assert first.auc[0] < roc_auc(pair_scores(rows, labels)) < first.auc[1]


def test_too_few_people_give_no_interval() -> None:
    rows, labels = simulated(7, 4, np.random.default_rng(5))
    assert bootstrap(rows, labels, count_pairs(rows, labels), fars=(0.1,)) is None
    assert fmr_upper_bound(rows, labels, 0.5) is None


def test_the_intervals_cover_the_truth() -> None:
    rng = np.random.default_rng(6)
    rows, labels = simulated(1500, 3, rng)
    population = count_pairs(rows, labels)
    true_eer, true_tar = equal_error_rate(population)[0], tar_at_far(population, 0.01)
    eers, widths, covered_eer, covered_tar = [], [], 0, 0
    for trial in range(120):
        rows, labels = simulated(40, 4, rng)
        counts = count_pairs(rows, labels)
        held = bootstrap(rows, labels, counts, fars=(0.01,), resamples=100, seed=trial)
        assert held is not None
        covered_eer += held.eer[0] <= true_eer <= held.eer[1]
        low, high = held.tar_at_far[0][1]
        covered_tar += low <= true_tar <= high
        eers.append(equal_error_rate(counts)[0])
        widths.append(held.eer[1] - held.eer[0])
    # 95 % of 120 are 114; 106 is what chance leaves in 999 of 1000 cases if 95 % are covered.
    assert covered_eer >= 106
    assert covered_tar >= 106
    # Not by being needlessly wide: the spread of the estimate itself is what an interval should show.
    assert 0.8 < np.mean(widths) / (2 * 1.96 * np.std(eers)) < 1.5


def test_many_people_are_put_into_groups() -> None:
    groups = group_people(np.repeat(np.arange(250), 2), most=100, rng=np.random.default_rng(0))
    assert sorted(set(np.bincount(groups).tolist())) == [4, 6]
    assert (groups[::2] == groups[1::2]).all()
    rows, labels = simulated(250, 2, np.random.default_rng(8))
    held = bootstrap(rows, labels, count_pairs(rows, labels), fars=(0.01,))
    assert held is not None
    assert held.groups == 100


def test_the_upper_bound_of_the_fmr_is_above_it() -> None:
    rows, labels = simulated(40, 4, np.random.default_rng(9))
    threshold = float(np.quantile(pair_scores(rows, labels).impostor, 0.99))
    bound = fmr_upper_bound(rows, labels, threshold)
    assert bound is not None
    assert 0.01 < bound < 0.05


def folds_by_loop(rows: np.ndarray, labels: np.ndarray, groups: np.ndarray, target: float) -> tuple[int, int]:
    unit = unit_rows(rows).astype(np.float64)
    false_matches = false_non_matches = 0
    for a in range(groups.max() + 1):
        for b in range(a, groups.max() + 1):
            others = ~np.isin(groups, [a, b])
            threshold = threshold_for(pair_scores(rows[others], labels[others]), target)
            for i in range(len(labels)):
                for j in range(i + 1, len(labels)):
                    if sorted((groups[i], groups[j])) == [a, b]:
                        accepted = unit[i] @ unit[j] >= threshold
                        false_matches += accepted and labels[i] != labels[j]
                        false_non_matches += (not accepted) and labels[i] == labels[j]
    return false_matches, false_non_matches


def test_cross_fitting_is_what_loops_give() -> None:
    rows, labels = simulated(12, 4, np.random.default_rng(10))
    groups = group_people(labels, most=4, rng=np.random.default_rng(11))
    folds = count_groups(rows, labels, groups, rank_edges(count_pairs(rows, labels), 10**6))
    for target in (0.2, 0.05):
        fitted = cross_fit(folds, at_fmr(target))
        assert fitted is not None
        assert (fitted.false_matches, fitted.false_non_matches) == folds_by_loop(rows, labels, groups, target)
        assert (fitted.impostor_pairs, fitted.genuine_pairs) == (12 * 11 // 2 * 16, 12 * 6)


def test_cross_fitting_is_honest_where_the_own_threshold_flatters() -> None:
    rng = np.random.default_rng(12)
    own, fitted_rates, true = [], [], []
    big, big_labels = simulated(500, 4, rng)
    reference = pair_scores(big, big_labels).impostor
    for trial in range(25):
        rows, labels = simulated(20, 4, rng)
        scores = pair_scores(rows, labels)
        threshold = threshold_for(scores, 0.005)
        own.append(np.mean(scores.impostor >= threshold))
        true.append(np.mean(reference >= threshold))
        folds = people_folds(rows, labels, count_pairs(rows, labels), seed=trial)
        assert folds is not None
        fitted = cross_fit(folds, at_fmr(0.005))
        assert fitted is not None
        fitted_rates.append(fitted.fmr)
    assert np.mean(own) < np.mean(true)
    assert abs(np.mean(fitted_rates) - np.mean(true)) < abs(np.mean(own) - np.mean(true)) + 1e-3
    assert np.mean(fitted_rates) > 0.005


def test_too_few_people_are_not_cross_fitted() -> None:
    rows, labels = simulated(5, 4, np.random.default_rng(13))
    assert people_folds(rows, labels, count_pairs(rows, labels)) is None
    lone = GroupCounts(
        edges=np.array([-np.inf, 0.0]),
        impostor=np.ones((2, 2, 2), dtype=np.int64),
        genuine=np.ones((2, 2), dtype=np.int64),
    )
    assert cross_fit(lone, at_eer) is None
