"""Counts of pairs by the groups that their people are in: what resampling and cross-fitting of people compute with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.measures.scores import GRID_STEP, PairCounts, grid_cells, pair_blocks

_CELLS = 2**20 + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCounts:
    """How many pairs are accepted at each of some thresholds, by the groups of their people.

    Attributes:
        edges: float64 of shape (m,), rising from -inf: the thresholds.
        impostor: int64 of shape (g, g, m): pairs of two people accepted, each pair in one of the two places of its
            groups. A group of several people has impostor pairs within itself.
        genuine: int64 of shape (g, m): pairs of one person accepted.
    """

    edges: npt.NDArray[np.float64]
    impostor: npt.NDArray[np.int64]
    genuine: npt.NDArray[np.int64]


def group_people(labels: npt.NDArray[np.integer], *, most: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Put each person into one of at most ``most`` groups of nearly equal size, at random.

    Returns:
        int64 of shape (n,): the group, from 0, of the person of each row.
    """
    _, whose = np.unique(labels, return_inverse=True)
    people = int(whose.max()) + 1
    groups = rng.permutation(people) % min(most, people)
    return np.asarray(groups[whose], dtype=np.int64)


def rank_edges(counts: PairCounts, points: int) -> npt.NDArray[np.int64]:
    """Thresholds that resolve the tails: cells of the grid at which the pairs beyond grow by even ratios.

    Args:
        counts: All pairs.
        points: How many for each end of each kind of pairs, at most.

    Returns:
        int64, rising: positions of cells; the last lies above all pairs.
    """
    cells = np.rint((counts.values + 1) / GRID_STEP).astype(np.int64)
    chosen = [cells[-1:] + 1]
    for kind in (counts.genuine, counts.impostor):
        total = int(kind.sum())
        tail = np.geomspace(1, total, points) if total > points else np.arange(1, total + 1)
        for ranks in (tail, total + 1 - tail):
            chosen.append(cells[np.searchsorted(np.cumsum(kind), np.clip(ranks, 1, total))])
    return np.unique(np.concatenate(chosen))


def count_groups(
    embeddings: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    groups: npt.NDArray[np.int64],
    cells: npt.NDArray[np.int64],
) -> GroupCounts:
    """Count accepted pairs by groups.

    Args:
        embeddings: Shape (n, d).
        labels: Shape (n,), whose each is.
        groups: Shape (n,), see :func:`group_people`.
        cells: Rising positions of cells of the grid: the thresholds.
    """
    bins, size = cells.size + 1, int(groups.max()) + 1
    lookup = np.searchsorted(cells, np.arange(_CELLS), side="right").astype(np.int64)
    half = size * size * bins
    counts = np.zeros(2 * half, dtype=np.int64)
    for block in pair_blocks(embeddings):
        keys = lookup[grid_cells(block.scores)]
        keys += (groups[block.rows, None] * size + groups[None, block.columns]) * bins
        keys[labels[block.rows, None] == labels[None, block.columns]] += half
        counts += np.bincount(block.pick(keys), minlength=2 * half)
    accepted = np.cumsum(counts.reshape(2, size, size, bins)[..., ::-1], axis=-1)[..., ::-1]
    return GroupCounts(
        edges=np.concatenate([[-np.inf], cells * GRID_STEP - 1]),
        impostor=accepted[0],
        genuine=np.einsum("ggm->gm", accepted[1]),
    )
