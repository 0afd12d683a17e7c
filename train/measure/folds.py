"""Accuracy on a list of pairs, by the protocol of Labeled Faces in the Wild (Huang et al. 2007, UMass TR 07-49).

Each fold is judged at the threshold that is best on the others; the figure is the mean over the folds with its standard
error. A list of one fold has no such figure.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError
from edge_runtime.measures.metrics import PairScores, equal_error_rate, proportion_interval, roc_auc, unit_rows
from train.data.pairs import ResolvedPairs


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPairs:
    """How well a tower does on a list of pairs.

    Attributes:
        pairs: Pairs compared.
        genuine_pairs: How many of them are of one person.
        missing: Pictures of the list that the data lacks.
        auc: Area under the ROC curve of all pairs.
        eer: Equal error rate of all pairs.
        accuracy: Mean accuracy over the folds, each at the threshold of the others; None with one fold.
        standard_error: Of that mean, from the spread of the folds.
        fold_accuracies: Of each fold.
        fold_thresholds: Of each fold.
        threshold: A threshold from elsewhere; None if there was none.
        accuracy_at_threshold: Accuracy of all pairs at it.
        interval_at_threshold: Its 95 % interval by Clopper and Pearson, taking pairs as independent.
    """

    pairs: int
    genuine_pairs: int
    missing: int
    auc: float
    eer: float
    accuracy: float | None
    standard_error: float | None
    fold_accuracies: tuple[float, ...]
    fold_thresholds: tuple[float, ...]
    threshold: float | None
    accuracy_at_threshold: float | None
    interval_at_threshold: tuple[float, float] | None

    def as_mapping(self) -> dict[str, Any]:
        """The values as JSON holds them."""
        return asdict(self)


def measure_pairs(
    embeddings: npt.NDArray[np.floating], pairs: ResolvedPairs, *, threshold: float | None = None
) -> ListedPairs:
    """Measure a list of pairs.

    Args:
        embeddings: Shape (n, d): of the set that the pairs are rows of.
        pairs: The pairs.
        threshold: One from elsewhere, to give the accuracy at as well.

    Raises:
        DataError: The list has pairs of one kind only.
    """
    unit = unit_rows(embeddings).astype(np.float64)
    scores = np.einsum("ij,ij->i", unit[pairs.left], unit[pairs.right])
    if pairs.genuine.all() or not pairs.genuine.any():
        lost = f" ({len(pairs.missing)} more pairs have pictures that the data lacks)" if pairs.missing else ""
        raise DataError(f"the list has pairs of one kind only{lost}; give pairs of one person and of two people.")
    both = PairScores(genuine=scores[pairs.genuine], impostor=scores[~pairs.genuine])
    accuracies, thresholds = _judge_folds(scores, pairs.genuine, pairs.folds)
    right = None if threshold is None else int(np.count_nonzero((scores >= threshold) == pairs.genuine))
    return ListedPairs(
        pairs=len(scores),
        genuine_pairs=int(pairs.genuine.sum()),
        missing=len(pairs.missing),
        auc=roc_auc(both),
        eer=equal_error_rate(both)[0],
        accuracy=float(np.mean(accuracies)) if accuracies else None,
        standard_error=float(np.std(accuracies, ddof=1) / math.sqrt(len(accuracies))) if accuracies else None,
        fold_accuracies=accuracies,
        fold_thresholds=thresholds,
        threshold=threshold,
        accuracy_at_threshold=None if right is None else right / len(scores),
        interval_at_threshold=None if right is None else proportion_interval(right, len(scores)),
    )


def _judge_folds(
    scores: npt.NDArray[np.float64], genuine: npt.NDArray[np.bool_], folds: npt.NDArray[np.int64]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Accuracy and threshold of each fold; nothing with one fold."""
    names = np.unique(folds)
    if names.size < 2:
        return (), ()
    accuracies, thresholds = [], []
    for name in names:
        inside = folds == name
        threshold = best_threshold(scores[~inside], genuine[~inside])
        thresholds.append(threshold)
        accuracies.append(float(np.mean((scores[inside] >= threshold) == genuine[inside])))
    return tuple(accuracies), tuple(thresholds)


def best_threshold(scores: npt.NDArray[np.float64], genuine: npt.NDArray[np.bool_]) -> float:
    """The threshold of the highest accuracy: the middle between two neighbouring scores.

    Where several are best, the middle one of them is taken.
    """
    values, place = np.unique(scores, return_inverse=True)
    of_one = np.bincount(place, weights=genuine, minlength=values.size)
    of_two = np.bincount(place, weights=~genuine, minlength=values.size)
    # Accepting from value k on: the genuine pairs from k on are right, and the impostor pairs below it.
    right = np.append(np.cumsum(of_one[::-1])[::-1], 0) + np.concatenate([[0], np.cumsum(of_two)])
    best = np.flatnonzero(right == right.max())
    at = int(best[(best.size - 1) // 2])
    if at in (0, values.size):
        return float(values[0] - 1e-6 if at == 0 else values[-1] + 1e-6)
    return float((values[at - 1] + values[at]) / 2)
