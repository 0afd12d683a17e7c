"""Confidence intervals by resampling people, since pairs that share a person are not independent.

People are drawn with replacement. A pair of two people counts as often as the product of how often each was drawn,
a pair of one person as often as that person: the subset bootstrap of Bolle, Ratha and Pankanti 2004 ("Error analysis
of pattern recognition systems: the subsets bootstrap", CVIU 93), applied to both people of an impostor pair as Snijders
and Borgatti 1999 (Connections 22) do for the edges of a network. Nothing is embedded or compared twice: each resample
is a weighted sum of counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.measures.grouped import GroupCounts, count_groups, group_people, rank_edges
from edge_runtime.measures.scores import GRID_STEP, PairCounts, count_pairs

RESAMPLES = 200
MIN_PEOPLE = 8
_GROUPS, _POINTS = 100, 120

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """95 % intervals, percentiles of the resamples.

    Attributes:
        auc: Of the area under the ROC curve.
        eer: Of the equal error rate.
        tar_at_far: Of the TAR at each FAR.
        resamples: How many there were.
        groups: How many units were resampled: people, or groups of people where there are many.
    """

    auc: Interval
    eer: Interval
    tar_at_far: tuple[tuple[float, Interval], ...]
    resamples: int
    groups: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """95 % intervals of what one tower has more than another on the same pictures.

    Attributes:
        auc: Of the second's area under the ROC curve minus the first's.
        eer: Of the second's equal error rate minus the first's.
        tar_at_far: Of the second's TAR minus the first's, at each FAR.
        resamples: How many there were.
        groups: How many units were resampled: people, or groups of people where there are many.
    """

    auc: Interval
    eer: Interval
    tar_at_far: tuple[tuple[float, Interval], ...]
    resamples: int
    groups: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draws:
    """What each resample measured: float64 arrays of shape (resamples,)."""

    auc: npt.NDArray[np.float64]
    eer: npt.NDArray[np.float64]
    tars: tuple[npt.NDArray[np.float64], ...]
    groups: int


def bootstrap(
    embeddings: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    counts: PairCounts,
    *,
    fars: Sequence[float],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Intervals | None:
    """Intervals of AUC, EER and TAR.

    Args:
        embeddings: Shape (n, d).
        labels: Shape (n,), whose each is.
        counts: All pairs of them.
        fars: The FARs of the TARs.
        resamples: How often people are drawn.
        seed: Of the draws.

    Returns:
        None if there are fewer people than 8: nothing can be said of people from so few.
    """
    if np.unique(labels).size < MIN_PEOPLE:
        return None
    drawn = _draw(embeddings, labels, counts, fars, resamples, seed)
    return Intervals(
        auc=_percentiles(drawn.auc),
        eer=_percentiles(drawn.eer),
        tar_at_far=tuple((far, _percentiles(tar)) for far, tar in zip(fars, drawn.tars, strict=True)),
        resamples=drawn.auc.size,
        groups=drawn.groups,
    )


def paired_bootstrap(
    first: npt.NDArray[np.floating],
    second: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    *,
    fars: Sequence[float],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Differences | None:
    """Intervals of the differences between two towers on the same pictures.

    Each resample draws the same people for both, so what is hard for both falls out of the difference.

    Args:
        first: Shape (n, d).
        second: Shape (n, e): another tower's embeddings of the same pictures.
        labels: Shape (n,), whose each is.
        fars: The FARs of the TARs.
        resamples: How often people are drawn.
        seed: Of the draws.

    Returns:
        None if there are fewer people than 8.
    """
    if np.unique(labels).size < MIN_PEOPLE:
        return None
    a, b = (_draw(rows, labels, count_pairs(rows, labels), fars, resamples, seed) for rows in (first, second))
    return Differences(
        auc=_percentiles(b.auc - a.auc),
        eer=_percentiles(b.eer - a.eer),
        tar_at_far=tuple((far, _percentiles(y - x)) for far, x, y in zip(fars, a.tars, b.tars, strict=True)),
        resamples=a.auc.size,
        groups=a.groups,
    )


def _draw(
    embeddings: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    counts: PairCounts,
    fars: Sequence[float],
    resamples: int,
    seed: int,
) -> _Draws:
    """Draw people; the same labels, number and seed draw the same people whatever the embeddings are."""
    rng = np.random.default_rng([seed, 0xB007])
    groups = group_people(labels, most=_GROUPS, rng=rng)
    held = count_groups(embeddings, labels, groups, rank_edges(counts, _POINTS))
    # From the highest threshold to the lowest, so that both rates rise.
    fmrs, tars = (rates[:, ::-1] for rates in _resampled(held, resamples, rng))
    drawn = list(zip(fmrs, tars, strict=True))
    return _Draws(
        auc=np.array([_area(fmr, tar) for fmr, tar in drawn]),
        eer=np.array([_equal_error(fmr, tar) for fmr, tar in drawn]),
        tars=tuple(np.array([np.interp(far, fmr, tar) for fmr, tar in drawn]) for far in fars),
        groups=len(held.genuine),
    )


def fmr_upper_bound(
    embeddings: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    threshold: float,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> float | None:
    """One-sided 95 % upper bound of the FMR at a threshold, by resampling people; None with fewer than 8 people.

    Where no pair is accepted it is 0 and says nothing: combine it with
    :func:`edge_runtime.measures.metrics.proportion_upper_bound`.
    """
    if np.unique(labels).size < MIN_PEOPLE:
        return None
    rng = np.random.default_rng([seed, 0xB008])
    groups = group_people(labels, most=_GROUPS, rng=rng)
    # The grid's next lower threshold: if anything, more pairs are accepted.
    cell = np.array([math.floor((threshold + 1) / GRID_STEP)], dtype=np.int64)
    held = count_groups(embeddings, labels, groups, cell)
    return float(np.quantile(_resampled(held, resamples, rng)[0][:, 1], 0.95))


def _resampled(
    held: GroupCounts, resamples: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """FMR and TAR at each threshold, of each resample that has pairs of both kinds: two arrays (resamples, m)."""
    size, bins = held.genuine.shape
    times = rng.multinomial(size, np.full(size, 1 / size), size=resamples).astype(np.float64)
    weights = times[:, :, None] * times[:, None, :]
    # Two copies of one group are the same people: only the pairs within each copy count.
    weights[:, np.arange(size), np.arange(size)] = times
    genuine = times @ held.genuine.astype(np.float64)
    impostor = weights.reshape(resamples, -1) @ held.impostor.reshape(-1, bins).astype(np.float64)
    whole = (genuine[:, 0] > 0) & (impostor[:, 0] > 0)
    genuine, impostor = genuine[whole], impostor[whole]
    return impostor / impostor[:, :1], genuine / genuine[:, :1]


def _area(fmr: npt.NDArray[np.float64], tar: npt.NDArray[np.float64]) -> float:
    return float(np.sum(np.diff(fmr) * (tar[1:] + tar[:-1]) / 2))


def _equal_error(fmr: npt.NDArray[np.float64], tar: npt.NDArray[np.float64]) -> float:
    gap = fmr - (1 - tar)
    right = int(np.argmax(gap >= 0))
    left = max(right - 1, 0)
    share = -gap[left] / (gap[right] - gap[left]) if gap[right] > gap[left] else 0.0
    return float(fmr[left] + share * (fmr[right] - fmr[left]))


def _percentiles(values: npt.NDArray[np.float64]) -> Interval:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
