"""Finding the nearest templates among very many: an index proposes some, and exact cosines choose among them.

The index is an HNSW graph (Malkov and Yashunin 2018, arXiv:1603.09320) of the package ``usearch``, which is optional.
It is made in memory when it is needed and never written: it holds templates. Of some hundred thousand of them or less,
comparing with all is as fast, and exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import MissingDependency, UsageError


class NearestTemplates:
    """An index over the rows of :class:`~edge_runtime.gallery.matrix.TemplateMatrix`."""

    def __init__(
        self,
        matrix: npt.NDArray[np.float32],
        *,
        candidates: int = 64,
        effort: int = 512,
        connections: int = 16,
        build_effort: int = 96,
    ) -> None:
        """Build an index; a million templates take minutes.

        One thread builds it: of rows that several threads add at once, a few can never be found again.

        Args:
            matrix: float32 of shape (n, d), rows of length 1. It is kept, for the exact comparison.
            candidates: How many rows are compared exactly.
            effort: How many rows a search may hold while it walks through the graph: more find more, and take longer.
            connections: Edges of each row.
            build_effort: What ``effort`` is to a search, to the making of the graph.

        Raises:
            MissingDependency: ``usearch`` is not installed.
            UsageError: A number is out of its range, or there is no row.
        """
        if min(candidates, effort, connections, build_effort) < 1 or not len(matrix):
            raise UsageError("an index needs rows, and at least one candidate, connection and unit of effort.")
        self._matrix, self._candidates = matrix, min(candidates, len(matrix))
        self._index: Any = _usearch_index(
            ndim=matrix.shape[1],
            metric="ip",
            dtype="f16",
            connectivity=connections,
            expansion_add=build_effort,
            expansion_search=max(effort, candidates),
        )
        self._index.add(np.arange(len(matrix), dtype=np.uint64), matrix, threads=1)

    @property
    def matrix(self) -> npt.NDArray[np.float32]:
        """The rows that it was built over."""
        return self._matrix

    @property
    def written_bytes(self) -> int:
        """How long it would be as a file. It is never written: it holds templates."""
        return int(self._index.serialized_length)

    @property
    def memory_bytes(self) -> int:
        """What the index takes beside the matrix."""
        return int(self._index.memory_usage)

    def set_effort(self, effort: int) -> None:
        """Change how many rows a search may hold.

        Raises:
            UsageError: It is less than one.
        """
        if effort < 1:
            raise UsageError(f"the effort of a search is at least 1, not {effort}.")
        self._index.expansion_search = max(effort, self._candidates)

    def proposed(self, probe: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.intp]:
        """Rows that are probably among the most similar to a probe, in no exact order; intp of shape (count,)."""
        return np.asarray(self._index.search(probe, min(count, len(self._matrix))).keys, dtype=np.intp)

    def nearest(
        self, probe: npt.NDArray[np.float32], count: int = 1
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
        """The rows that are most similar to a probe, with their exact cosines, the best first.

        Args:
            probe: float32 of shape (d,), of length 1, in the protected space.
            count: How many.

        Returns:
            Numbers of rows, intp of shape (count,), and float32 of the same shape; fewer if there are fewer.
        """
        rows = self.proposed(probe, max(self._candidates, count))
        cosines = self._matrix[rows] @ probe
        order = np.argsort(-cosines, kind="stable")[:count]
        return rows[order], np.asarray(cosines[order], dtype=np.float32)


def _usearch_index(**settings: Any) -> Any:
    try:
        from usearch.index import Index
    except ImportError as error:
        raise MissingDependency(
            "an index over very many templates needs usearch. Run: pip install 'siamlite[fast-search]'"
        ) from error
    return Index(**settings)
