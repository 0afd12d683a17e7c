"""Accuracy of a peer on all pairs of a set, by two rules for faces that it did not find; and summaries of times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.peers.protocol import COSINE, STAGES
from edge_runtime.errors import DataError
from edge_runtime.measures.metrics import PairScores, equal_error_rate, operating_point, roc_auc, unit_rows

FARS = (1e-2, 1e-3)
_BLOCK = 256


def accuracy(
    vectors: Sequence[npt.NDArray[np.float32] | None], whose: npt.NDArray[np.int64], *, metric: str
) -> dict[str, Any]:
    """Error rates of one peer on all pairs of a set.

    Args:
        vectors: What it made of each picture.
        whose: int64 of shape (n,): whose each is.
        metric: How two of them are compared.

    Returns:
        ``not_found`` of ``pictures``, and two rules. ``found``: pairs of pictures whose faces it found. ``all``: all
        pairs, where one with a face that was not found counts as rejected: a genuine one is an error, an impostor is
        none.

    Raises:
        DataError: It found too few faces for pairs of both kinds.
    """
    found = np.array([vector is not None for vector in vectors])
    rows = np.array([vector for vector in vectors if vector is not None])
    if rows.ndim != 2:
        raise DataError(f"of {len(vectors)} faces none was found, or its vectors differ in length.")
    scores = pair_scores_of(rows, whose[found], metric=metric)
    everything = _with_rejected(scores, whose)
    return {
        "pictures": len(vectors),
        "not_found": int((~found).sum()),
        "found": _rates(scores),
        "all": _rates(everything),
    }


def pair_scores_of(rows: npt.NDArray[np.floating], whose: npt.NDArray[np.int64], *, metric: str) -> PairScores:
    """Similarities of all pairs: cosines, or negative distances.

    Raises:
        DataError: There are no pairs of one person, or none of two.
    """
    values = unit_rows(rows) if metric == COSINE else np.asarray(rows, dtype=np.float64)
    genuine, impostor = [], []
    squares = np.sum(np.square(values), axis=1)
    for start in range(0, len(values), _BLOCK):
        part = slice(start, start + _BLOCK)
        products = values[part] @ values.T
        if metric != COSINE:
            products = -np.sqrt(np.maximum(squares[part, np.newaxis] + squares - 2 * products, 0))
        later = np.arange(len(values)) > np.arange(start, start + len(products))[:, np.newaxis]
        same = whose[part, np.newaxis] == whose
        genuine.append(products[later & same])
        impostor.append(products[later & ~same])
    scores = PairScores(
        genuine=np.concatenate(genuine).astype(np.float64), impostor=np.concatenate(impostor).astype(np.float64)
    )
    if not (scores.genuine_pairs and scores.impostor_pairs):
        raise DataError("too few faces were found: no pair of one person, or none of two.")
    return scores


def _with_rejected(scores: PairScores, whose: npt.NDArray[np.int64]) -> PairScores:
    """The same with the pairs that are missing, below all others."""
    counts = np.unique(whose, return_counts=True)[1].astype(np.int64)
    genuine = int(np.sum(counts * (counts - 1) // 2))
    pairs = len(whose) * (len(whose) - 1) // 2
    lowest = min(float(scores.genuine.min()), float(scores.impostor.min())) - 1
    return PairScores(
        genuine=np.append(scores.genuine, np.full(genuine - scores.genuine_pairs, lowest)),
        impostor=np.append(scores.impostor, np.full(pairs - genuine - scores.impostor_pairs, lowest)),
    )


def _rates(scores: PairScores) -> dict[str, Any]:
    points = {}
    for far in FARS:
        point = operating_point(scores, far)
        points[f"{far:g}"] = None if point is None else {
            "tar": round(1 - point.fnmr, 6),
            "accepted": point.genuine_pairs - round(point.fnmr * point.genuine_pairs),
            "false_matches": point.false_matches,
        }  # fmt: skip
    return {
        "genuine_pairs": scores.genuine_pairs,
        "impostor_pairs": scores.impostor_pairs,
        "auc": round(roc_auc(scores), 6),
        "eer": round(equal_error_rate(scores)[0], 6),
        "tar_at_far": points,
    }


def latency(wall: Sequence[dict[str, float]], cpu: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Median and p95 of each stage and of the whole, of frames whose face was found.

    Args:
        wall: Times of the stages in ms, frame by frame.
        cpu: The same, of the processor.

    Returns:
        For ``wall_ms`` and ``cpu_ms`` each stage and ``total``: ``median`` and ``p95``.
    """
    return {"frames": len(wall), "wall_ms": _summary(wall), "cpu_ms": _summary(cpu)}


def _summary(rows: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    held = {stage: [row[stage] for row in rows] for stage in STAGES}
    held["total"] = [sum(row[stage] for stage in STAGES) for row in rows]
    return {name: _middle(values) for name, values in held.items()}


def _middle(values: Sequence[float]) -> dict[str, float]:
    if not values:
        raise DataError("it found no face in any frame: there is nothing to time.")
    median, p95 = np.percentile(np.asarray(values, dtype=np.float64), [50, 95])
    return {"median": round(float(median), 3), "p95": round(float(p95), 3)}
