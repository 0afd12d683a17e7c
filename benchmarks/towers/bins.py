"""Where a tower errs: error rates by source set, face size, blur and turn, at one threshold for all."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.measures.metrics import proportion_interval
from edge_runtime.measures.scores import pair_blocks

_QUARTERS = (0.25, 0.5, 0.75)
# What is measured, its unit, whether more of it is worse, and its digits.
MEASURES: dict[str, tuple[str, bool, int]] = {
    "face size": ("px between the eyes", False, 0),
    "sharpness": ("variance of the Laplacian", False, 0),
    "turn of the head": ("nose off the middle, share of the eyes' distance", True, 2),
}


def by_measure(
    embeddings: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    values: npt.NDArray[np.floating],
    threshold: float,
    *,
    name: str,
) -> dict[str, Any]:
    """Errors by quarters of a measure. A pair counts in the quarter of its worse picture.

    Args:
        embeddings: Shape (n, d).
        labels: Shape (n,), whose each is.
        values: Shape (n,): the measure of each picture, finite.
        threshold: Lowest similarity that is accepted.
        name: One of :data:`MEASURES`.
    """
    unit, more_is_worse, digits = MEASURES[name]
    edges = np.unique(np.quantile(values, _QUARTERS))
    bins = np.searchsorted(edges, values, side="right")
    # The best quarter is 0, so that the worse of two pictures is the larger number.
    order = bins if more_is_worse else edges.size - bins
    words = _range_words(edges, digits)
    named = words if more_is_worse else words[::-1]
    rows = _errors(embeddings, labels, order, threshold, len(named), mixed=False)
    return {"by": name, "unit": unit, "rows": [{"bin": word, **row} for word, row in zip(named, rows, strict=True)]}


def by_source(
    embeddings: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    sources: Sequence[str],
    threshold: float,
) -> dict[str, Any]:
    """Errors by source set, of the pairs whose both pictures are of it; the last row is of pairs of two sets."""
    names = sorted(set(sources))
    bins = np.array([names.index(source) for source in sources])
    rows = _errors(embeddings, labels, bins, threshold, len(names), mixed=True)
    shown = [*names, "two sets"] if len(names) > 1 else names
    return {"by": "source set", "unit": "", "rows": [{"bin": n, **row} for n, row in zip(shown, rows, strict=False)]}


def _range_words(edges: npt.NDArray[np.floating], digits: int) -> list[str]:
    texts = [f"{edge:.{digits}f}" for edge in edges]
    middle = [f"{low} to {high}" for low, high in pairwise(texts)]
    return [f"under {texts[0]}", *middle, f"{texts[-1]} and more"]


def _errors(
    embeddings: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    bins: npt.NDArray[np.integer],
    threshold: float,
    size: int,
    *,
    mixed: bool,
) -> list[dict[str, Any]]:
    """Counts of each bin; a pair of two bins belongs to the larger, or, if mixed, to one more bin at the end."""
    total = size + 1
    counts = np.zeros(4 * total, dtype=np.int64)
    for block in pair_blocks(embeddings):
        left, right = bins[block.rows, None], bins[None, block.columns]
        keys = np.where(left == right, left, size) if mixed else np.maximum(left, right)
        same = labels[block.rows, None] == labels[None, block.columns]
        keys = keys + total * ((block.scores >= threshold) + 2 * same)
        counts += np.bincount(block.pick(keys), minlength=4 * total)
    below, accepted, rejected, above = counts.reshape(4, total)
    pictures = [*np.bincount(bins, minlength=size).tolist(), None]
    return [
        {
            "pictures": pictures[at],
            **_share("fnmr", "genuine_pairs", rejected[at], rejected[at] + above[at]),
            **_share("fmr", "impostor_pairs", accepted[at], below[at] + accepted[at]),
        }
        for at in range(total if mixed else size)
    ]


def _share(rate: str, pairs: str, events: np.integer, trials: np.integer) -> dict[str, Any]:
    if not trials:
        return {pairs: 0, rate: None, f"{rate}_interval": None}
    ends = proportion_interval(int(events), int(trials))
    return {pairs: int(trials), rate: float(events / trials), f"{rate}_interval": ends}
