"""Search by example: each picture asks for the others of its person among all other pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.measures.metrics import unit_rows

DEPTHS = (1, 5, 10)
_BLOCK = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """How well pictures find the others of their person, leaving one out at a time.

    Attributes:
        queries: Pictures of people with two or more; the others cannot be found and are not asked for.
        gallery: Pictures that each query is compared with.
        recall_at: Share of the queries with one of their person among the k most similar, by k.
        mean_average_precision: Mean over the queries of the precision at each picture of their person. (Not cut off
            at a depth.) Impostors with the same similarity count as before them.
    """

    queries: int
    gallery: int
    recall_at: tuple[tuple[int, float], ...]
    mean_average_precision: float

    def as_mapping(self) -> dict[str, Any]:
        """The values as JSON holds them."""
        return {
            "queries": self.queries,
            "gallery": self.gallery,
            "recall_at": {str(depth): share for depth, share in self.recall_at},
            "mean_average_precision": self.mean_average_precision,
        }


def measure_retrieval(embeddings: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]) -> Retrieval | None:
    """Ask with every picture for the others of its person.

    Args:
        embeddings: Shape (n, d).
        labels: Shape (n,), whose each is.

    Returns:
        None if nobody has two pictures.
    """
    unit = unit_rows(embeddings).astype(np.float64)
    counts = np.bincount(labels)
    asking = np.flatnonzero(counts[labels] > 1)
    if not asking.size:
        return None
    firsts, precisions = [], []
    for start in range(0, asking.size, _BLOCK):
        rows = asking[start : start + _BLOCK]
        for row, scores in zip(rows, unit[rows] @ unit.T, strict=True):
            same = labels == labels[row]
            other = np.sort(scores[~same])
            same[row] = False
            own = np.sort(scores[same])[::-1]
            before = other.size - np.searchsorted(other, own, side="left")
            found = np.arange(1, own.size + 1)
            firsts.append(int(before[0]) + 1)
            precisions.append(float(np.mean(found / (found + before))))
    ranks = np.array(firsts)
    return Retrieval(
        queries=int(asking.size),
        gallery=len(labels) - 1,
        recall_at=tuple((depth, float(np.mean(ranks <= depth))) for depth in DEPTHS if depth < len(labels)),
        mean_average_precision=float(np.mean(precisions)),
    )
