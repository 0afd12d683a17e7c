"""Comparing a probe with enrolled templates: cosine similarity, exact and vectorised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import GalleryError


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """The templates of some people, side by side.

    Attributes:
        names: The people.
        matrix: float32 of shape (templates, d), rows of length 1, each person's rows together.
        starts: For each person, the index of their first row.
    """

    names: tuple[str, ...]
    matrix: npt.NDArray[np.float32]
    starts: npt.NDArray[np.intp]

    @classmethod
    def of(cls, templates: dict[str, npt.NDArray[np.float32]]) -> Enrolled:
        """Lay out the templates that :meth:`edge_runtime.gallery.store.Gallery.templates` gives.

        Raises:
            GalleryError: There is nobody.
        """
        if not templates:
            raise GalleryError("nobody is enrolled. Enrol somebody: siamlite enroll NAME --source …")
        counts = np.array([len(rows) for rows in templates.values()], dtype=np.intp)
        starts = np.concatenate([np.zeros(1, np.intp), np.cumsum(counts)[:-1]])
        return cls(names=tuple(templates), matrix=np.concatenate(list(templates.values())), starts=starts)


def person_similarities(probe: npt.NDArray[np.float32], enrolled: Enrolled) -> npt.NDArray[np.float32]:
    """Similarity of a probe to each person: the mean of the cosines to that person's templates.

    The mean, not the best: thresholds are calibrated on single pairs, and the best of several templates would be
    falsely accepted more often than they promise.

    Args:
        probe: float32 of shape (d,), of length 1.
        enrolled: The people.

    Returns:
        float32 of shape (people,), -1 to 1.
    """
    cosines = enrolled.matrix @ probe
    counts = np.diff(np.append(enrolled.starts, len(cosines)))
    return np.asarray(np.add.reduceat(cosines, enrolled.starts) / counts, dtype=np.float32)
