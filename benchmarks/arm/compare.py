"""Two machines' embeddings of the same faces by the same tower: the same bytes, or what differs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What differs between two machines.

    Attributes:
        same_raw: Whether the tower's outputs are the same bytes.
        same_embeddings: Whether the embeddings, scaled to length 1, are the same bytes.
        values: Number of output values of all faces.
        differing: How many of them differ.
        pictures: Number of faces.
        pictures_differing: How many of them have an output that differs.
        largest: Largest difference between two output values: in steps of an int8 output, else in the output's unit.
        cosine_mean: Mean cosine between the embeddings of a face.
        cosine_min: Lowest of them.
    """

    same_raw: bool
    same_embeddings: bool
    values: int
    differing: int
    pictures: int
    pictures_differing: int
    largest: float
    cosine_mean: float
    cosine_min: float

    @property
    def identical(self) -> bool:
        """Whether nothing differs, in the outputs or after them."""
        return self.same_raw and self.same_embeddings

    def as_mapping(self) -> dict[str, Any]:
        """The values as JSON holds them."""
        return asdict(self)


def compare(
    raw_here: npt.NDArray[Any],
    raw_there: npt.NDArray[Any],
    unit_here: npt.NDArray[np.float32],
    unit_there: npt.NDArray[np.float32],
) -> Difference:
    """Compare by bytes first, and by size where they differ.

    Args:
        raw_here: Outputs of one machine, int8 or float32 of shape (n, d).
        raw_there: Outputs of the other, of the same shape and type.
        unit_here: Embeddings of the one, float32 of shape (n, d), rows of length 1.
        unit_there: Embeddings of the other.

    Raises:
        DataError: The shapes or the types differ, or there is nothing to compare.
    """
    pairs = ((raw_here, raw_there), (unit_here, unit_there))
    if any(a.shape != b.shape or a.dtype != b.dtype or a.ndim != 2 or not a.size for a, b in pairs):
        shapes = ", ".join(f"{array.dtype} {array.shape}" for pair in pairs for array in pair)
        raise DataError(f"the two machines' embeddings are not of one kind: {shapes}.")
    differing = different_bytes(raw_here, raw_there)
    distance = np.abs(raw_here.astype(np.float64) - raw_there.astype(np.float64))
    cosines = _cosines(unit_here, unit_there)
    return Difference(
        same_raw=not differing.any(),
        same_embeddings=not different_bytes(unit_here, unit_there).any(),
        values=int(raw_here.size),
        differing=int(differing.sum()),
        pictures=len(raw_here),
        pictures_differing=int(differing.any(axis=1).sum()),
        largest=float(distance.max()),
        cosine_mean=float(cosines.mean()),
        cosine_min=float(cosines.min()),
    )


def different_bytes(here: npt.NDArray[Any], there: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Where two arrays of one shape and type differ in a bit (bool): -0.0 is not 0.0, and NaN is itself."""
    size = here.dtype.itemsize
    first = np.ascontiguousarray(here).view(np.uint8).reshape(*here.shape, size)
    second = np.ascontiguousarray(there).view(np.uint8).reshape(*there.shape, size)
    return np.asarray((first != second).any(axis=-1))


def _cosines(here: npt.NDArray[np.float32], there: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Cosine of each pair of rows, in double precision so that 1 is 1 to ten digits."""
    first, second = here.astype(np.float64), there.astype(np.float64)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return np.asarray(np.minimum((first * second).sum(axis=1) / lengths, 1.0))
