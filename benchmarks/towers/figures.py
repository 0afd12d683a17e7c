"""Error rates of all pairs with 95 % bounds by resampling people, of towers and of other systems' descriptors."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.measures.bootstrap import bootstrap, paired_bootstrap
from edge_runtime.measures.metrics import PairCounts, count_pairs, point_at
from edge_runtime.towers.card import Card
from train.measure.verify import summarise

FARS = (1e-2, 1e-3, 1e-4)
Rows: TypeAlias = npt.NDArray[np.floating]
Labels: TypeAlias = npt.NDArray[np.integer]

# How far the sphere of :func:`on_a_sphere` bends over the cloud of points.
_BEND = 0.05


def figures(embeddings: Rows, labels: Labels, counts: PairCounts | None = None) -> dict[str, Any]:
    """ROC AUC, EER and TAR of all pairs by cosine, each with its interval.

    Args:
        embeddings: Shape (n, d).
        labels: Shape (n,), whose each is.
        counts: The pairs, if they are counted already.

    Returns:
        Values as JSON holds them: ``auc``, ``eer`` and each of ``tar_at_far`` with ``value`` and ``interval`` (null
        with fewer than 8 people); a ``value`` is null where the pairs cannot resolve it.

    Raises:
        DataError: There is no genuine or no impostor pair.
    """
    counts = count_pairs(embeddings, labels) if counts is None else counts
    found, held = summarise(counts, labels, FARS), bootstrap(embeddings, labels, counts, fars=FARS)
    tars = {
        f"{far:g}": {"value": tar, "interval": held.tar_at_far[at][1] if held and tar is not None else None}
        for at, (far, tar) in enumerate(found.tar_at_far)
    }
    return {
        **found.as_mapping(),
        "auc": {"value": found.auc, "interval": held.auc if held else None},
        "eer": {"value": found.eer, "interval": held.eer if held else None},
        "tar_at_far": tars,
    }


def differences(first: Rows, second: Rows, labels: Labels) -> dict[str, Any] | None:
    """95 % intervals of what the second has more than the first on the same pictures; None with under 8 people."""
    held = paired_bootstrap(first, second, labels, fars=FARS)
    if held is None:
        return None
    return {"auc": held.auc, "eer": held.eer, "tar_at_far": {f"{far:g}": ends for far, ends in held.tar_at_far}}


def at_card_thresholds(card: Card, counts: PairCounts) -> list[dict[str, Any]]:
    """What each threshold of a card gives on these pairs."""
    rows = []
    for point in card.thresholds:
        here = point_at(counts, point.threshold, target_fmr=point.target_fmr)
        rows.append(
            {
                "target_fmr": point.target_fmr,
                "threshold": point.threshold,
                "fmr": here.fmr,
                "fnmr": here.fnmr,
                "false_matches": here.false_matches,
            }
        )
    return rows


def on_a_sphere(rows: Rows) -> npt.NDArray[np.float64]:
    """Points put on a large sphere, so that cosines order pairs as Euclidean distances do.

    With s·x and a last coordinate that makes the length 1, the cosine of two rows is
    1 − (s²·D² + (difference of the last coordinates)²) / 2. The bend keeps that difference small: on the sphere
    distances are off by at most 3 % of themselves, and by far less where the rows are about equally long.

    Args:
        rows: Shape (n, d).

    Returns:
        float64 of shape (n, d + 1), rows of length 1.
    """
    values = np.asarray(rows, dtype=np.float64)
    values = values - values.mean(axis=0)
    squares = np.sum(values**2, axis=1)
    scale = np.sqrt(_BEND / squares.max())
    return np.column_stack([scale * values, np.sqrt(1 - scale**2 * squares)])
