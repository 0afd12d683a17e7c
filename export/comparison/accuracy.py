"""How well each tower tells the same people apart, and what one has more than the first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.measures.bootstrap import Interval, bootstrap, paired_bootstrap
from edge_runtime.measures.metrics import (
    OperatingPoint,
    count_pairs,
    equal_error_rate,
    pair_scores,
    point_at,
    roc_auc,
    tar_at_far,
)
from edge_runtime.towers.tower import Tower

FARS = (1e-1, 1e-2, 1e-3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number and its 95 % interval over people.

    Attributes:
        value: The number.
        interval: None where there are too few people.
    """

    value: float
    interval: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How well a tower tells people apart, or how much better than another.

    Attributes:
        eer: Equal error rate, 0 to 1.
        auc: Area under the ROC curve, 0 to 1.
        tar_at_far: For each of :data:`FARS` the share of genuine pairs accepted; None where the pairs cannot tell.
    """

    eer: Estimate
    auc: Estimate
    tar_at_far: tuple[Estimate | None, ...]


def measure_accuracy(
    embeddings: npt.NDArray[np.float32], labels: npt.NDArray[np.integer], *, resamples: int, seed: int
) -> Accuracy:
    """The error rates of all pairs, with intervals by resampling people.

    Args:
        embeddings: float32 of shape (n, d).
        labels: Shape (n,), whose each is.
        resamples: How often people are drawn.
        seed: Of the draws.

    Raises:
        DataError: There is no genuine or no impostor pair.
    """
    scores, counts = pair_scores(embeddings, labels), count_pairs(embeddings, labels)
    held = bootstrap(embeddings, labels, counts, fars=FARS, resamples=resamples, seed=seed)
    tars: list[Estimate | None] = []
    for number, far in enumerate(FARS):
        tar = tar_at_far(scores, far)
        tars.append(
            None if tar is None else Estimate(value=tar, interval=None if held is None else held.tar_at_far[number][1])
        )
    return Accuracy(
        eer=Estimate(value=equal_error_rate(scores)[0], interval=None if held is None else held.eer),
        auc=Estimate(value=roc_auc(scores), interval=None if held is None else held.auc),
        tar_at_far=tuple(tars),
    )


def measure_difference(
    first: npt.NDArray[np.float32],
    second: npt.NDArray[np.float32],
    labels: npt.NDArray[np.integer],
    *,
    of: tuple[Accuracy, Accuracy],
    resamples: int,
    seed: int,
) -> Accuracy:
    """What the second tower has more than the first, with intervals by drawing the same people for both.

    Args:
        first: float32 of shape (n, d).
        second: float32 of shape (n, e).
        labels: Shape (n,), whose each is.
        of: What :func:`measure_accuracy` says of the two.
        resamples: How often people are drawn.
        seed: Of the draws.
    """
    before, after = of
    held = paired_bootstrap(first, second, labels, fars=FARS, resamples=resamples, seed=seed)
    tars: list[Estimate | None] = []
    for number, (one, other) in enumerate(zip(before.tar_at_far, after.tar_at_far, strict=True)):
        if one is None or other is None:
            tars.append(None)
            continue
        tars.append(
            Estimate(value=other.value - one.value, interval=None if held is None else held.tar_at_far[number][1])
        )
    return Accuracy(
        eer=Estimate(value=after.eer.value - before.eer.value, interval=None if held is None else held.eer),
        auc=Estimate(value=after.auc.value - before.auc.value, interval=None if held is None else held.auc),
        tar_at_far=tuple(tars),
    )


def at_own_threshold(
    tower: Tower, embeddings: npt.NDArray[np.float32], labels: npt.NDArray[np.integer]
) -> OperatingPoint | None:
    """The error rates on these pictures at the card's default threshold.

    Returns:
        None if the card has none, or if it was measured with another interpreter than runs here.
    """
    if tower.card.default_fmr is None or not tower.calibrated:
        return None
    point = tower.card.operating_point()
    return point_at(pair_scores(embeddings, labels), point.threshold, target_fmr=point.target_fmr)
