"""Similarities of pairs: all of a small set in memory, or counts of them on a fine grid for a large one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError

# Cosines are counted on a grid of this step: finer than the rounding of a quantized tower's embeddings.
GRID_STEP = 2.0**-19
_CELLS = 2**20 + 1
_BLOCK = 256
_NEEDED = "pairs of one person and of two people are needed: two people at least, one with two pictures."


@dataclass(frozen=True, slots=True, kw_only=True)
class PairScores:
    """Similarities of all pairs of a set.

    Attributes:
        genuine: float64 scores of pairs of one person.
        impostor: float64 scores of pairs of two people.
    """

    genuine: npt.NDArray[np.float64]
    impostor: npt.NDArray[np.float64]

    @property
    def genuine_pairs(self) -> int:
        """How many pairs of one person."""
        return int(self.genuine.size)

    @property
    def impostor_pairs(self) -> int:
        """How many pairs of two people."""
        return int(self.impostor.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCounts:
    """How many pairs have a similarity in each cell of a grid: for sets whose pairs do not fit into memory.

    A cell holds the similarities from its value up to the next cell's, so that counts at thresholds on the grid are
    exact.

    Attributes:
        values: float64 of shape (m,), rising: lower ends of the cells that are not empty.
        genuine: int64 of shape (m,): pairs of one person in each.
        impostor: int64 of shape (m,): pairs of two people in each.
        step: Width of a cell.
    """

    values: npt.NDArray[np.float64]
    genuine: npt.NDArray[np.int64]
    impostor: npt.NDArray[np.int64]
    step: float = GRID_STEP

    @property
    def genuine_pairs(self) -> int:
        """How many pairs of one person."""
        return int(self.genuine.sum())

    @property
    def impostor_pairs(self) -> int:
        """How many pairs of two people."""
        return int(self.impostor.sum())


Pairs: TypeAlias = PairScores | PairCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class PairBlock:
    """Similarities of some rows with some columns; every pair of a set is in exactly one block.

    Attributes:
        scores: float64 of shape (rows, columns).
        rows: Which rows.
        columns: Which columns.
        valid: bool of the same shape where the block crosses the diagonal; None where all its pairs count.
    """

    scores: npt.NDArray[np.float64]
    rows: slice
    columns: slice
    valid: npt.NDArray[np.bool_] | None

    def pick(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """The values (of the shape of ``scores``) of the pairs that count, flat."""
        return values.ravel() if self.valid is None else values[self.valid]


def unit_rows(embeddings: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Embeddings of shape (n, d) scaled to length 1.

    Raises:
        DataError: A row is zero or not finite.
    """
    values = np.asarray(embeddings, dtype=np.float32)
    lengths = np.linalg.norm(values, axis=-1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths < 1e-12).any():
        raise DataError("an embedding is zero or not finite: the tower is broken. Train or export it again.")
    return np.asarray(values / lengths, dtype=np.float32)


def pair_scores(embeddings: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]) -> PairScores:
    """Cosine similarities of all pairs.

    Args:
        embeddings: Shape (n, d), of any length.
        labels: Shape (n,), whose embedding each row is.

    Raises:
        DataError: There is no genuine or no impostor pair, or an embedding is unusable.
    """
    unit = unit_rows(embeddings).astype(np.float64)
    first, second = np.triu_indices(len(unit), k=1)
    scores = (unit @ unit.T)[first, second]
    same = np.asarray(labels)[first] == np.asarray(labels)[second]
    if not same.any() or same.all():
        raise DataError(_NEEDED)
    return PairScores(genuine=scores[same], impostor=scores[~same])


def pair_blocks(embeddings: npt.NDArray[np.floating]) -> Iterator[PairBlock]:
    """Cosine similarities of all pairs, some rows at a time, so that memory grows with n and not with its square.

    Args:
        embeddings: Shape (n, d), of any length.

    Raises:
        DataError: An embedding is zero or not finite.
    """
    unit = unit_rows(embeddings).astype(np.float64)
    for start in range(0, len(unit), _BLOCK):
        rows = slice(start, min(start + _BLOCK, len(unit)))
        upper = np.triu(np.ones((rows.stop - start,) * 2, dtype=bool), k=1)
        yield PairBlock(scores=unit[rows] @ unit[rows].T, rows=rows, columns=rows, valid=upper)
        if rows.stop < len(unit):
            columns = slice(rows.stop, len(unit))
            yield PairBlock(scores=unit[rows] @ unit[columns].T, rows=rows, columns=columns, valid=None)


def grid_cells(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    """The cell of the grid that each similarity lies in; cell k begins at ``k * GRID_STEP - 1``."""
    cells = np.floor((scores + 1) * (1 / GRID_STEP))
    return np.asarray(np.clip(cells, 0, _CELLS - 1), dtype=np.int32)


def count_pairs(embeddings: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]) -> PairCounts:
    """Count the similarities of all pairs on the grid: 10,000 pictures (50 million pairs) need some 100 MB.

    Args:
        embeddings: Shape (n, d), of any length.
        labels: Shape (n,), whose embedding each row is.

    Raises:
        DataError: There is no genuine or no impostor pair, or an embedding is unusable.
    """
    whose = np.asarray(labels)
    counts = np.zeros(2 * _CELLS, dtype=np.int64)
    for block in pair_blocks(embeddings):
        cells = grid_cells(block.scores)
        cells[whose[block.rows, None] == whose[None, block.columns]] += _CELLS
        counts += np.bincount(block.pick(cells), minlength=2 * _CELLS)
    impostor, genuine = counts[:_CELLS], counts[_CELLS:]
    if not impostor.any() or not genuine.any():
        raise DataError(_NEEDED)
    kept = np.flatnonzero(impostor + genuine)
    return PairCounts(values=kept.astype(np.float64) * GRID_STEP - 1, genuine=genuine[kept], impostor=impostor[kept])
