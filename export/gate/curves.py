"""What the card's plots are drawn through: a few points of a curve, and counts of similarities."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import UsageError
from edge_runtime.measures.metrics import PairCounts, Pairs, roc_curve

# More digits than the pairs can carry, as in the tables.
_DIGITS = 6
# Edges lie on a grid of this step, so that a last digit of the lowest similarity does not move all of them.
_EDGE_STEP = 0.02


def curve_points(scores: Pairs, points: int = 60) -> dict[str, list[float]]:
    """The ROC curve at some numbers of false matches, spaced logarithmically from 1 to all impostor pairs.

    Args:
        scores: Similarities of pairs.
        points: How many points at most; few impostor pairs give fewer.

    Returns:
        ``fmr`` (rising, the lowest is one false match) and ``tar`` (rising): each TAR is the largest with at most that
        share of the impostor pairs accepted.

    Raises:
        UsageError: Fewer than two points are asked for.
    """
    _check(points, "points")
    _, fmr, tar = roc_curve(scores)
    false_matches = np.unique(np.rint(np.geomspace(1, scores.impostor_pairs, points)).astype(np.int64))
    accepted = np.rint(fmr * scores.impostor_pairs).astype(np.int64)
    last = np.searchsorted(accepted, false_matches, side="right") - 1
    return {
        "fmr": [float(f"{count / scores.impostor_pairs:.{_DIGITS}g}") for count in false_matches.tolist()],
        "tar": [round(value, _DIGITS) for value in tar[last].tolist()],
    }


def histogram(before: Pairs | None, after: Pairs, bins: int = 60) -> dict[str, Any]:
    """How many pairs have which similarity, over bins that both towers share.

    Args:
        before: Similarities of the float tower's embeddings; None where there is no float tower.
        after: Those of the converted tower's.
        bins: How many bins.

    Returns:
        ``edges`` (bins + 1, rising to 1), and for ``float`` (unless there is none) and ``converted`` the counts of
        ``genuine`` and ``impostor`` pairs in each bin.

    Raises:
        UsageError: Fewer than two bins are asked for.
    """
    _check(bins, "bins")
    sets = {"converted": after} if before is None else {"float": before, "converted": after}
    lowest = min(_lowest(scores) for scores in sets.values())
    start = min(math.floor(lowest / _EDGE_STEP) * _EDGE_STEP, 1 - _EDGE_STEP)
    edges = np.round(np.linspace(start, 1, bins + 1), _DIGITS)
    counts = {name: _counts(scores, edges) for name, scores in sets.items()}
    return {"edges": edges.tolist(), **counts}


def _check(number: int, what: str) -> None:
    if number < 2:
        raise UsageError(f"at least two {what} are needed, not {number}.")


def _lowest(scores: Pairs) -> float:
    if isinstance(scores, PairCounts):
        return float(scores.values.min())
    return float(min(scores.genuine.min(), scores.impostor.min()))


def _counts(scores: Pairs, edges: npt.NDArray[np.float64]) -> dict[str, list[int]]:
    found = {}
    for kind in ("genuine", "impostor"):
        numbers = getattr(scores, kind)
        values, weights = (scores.values, numbers) if isinstance(scores, PairCounts) else (numbers, None)
        # Rounding lifts some cosines a little above 1.
        counts, _ = np.histogram(np.clip(values, edges[0], 1), edges, weights=weights)
        found[kind] = counts.astype(np.int64).tolist()
    return found
