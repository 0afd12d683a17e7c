"""Comparing a probe with enrolled templates: cosine similarity, exact and vectorised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import GalleryError, UsageError

PERSON_SCORES = ("mean", "best")


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """The templates of some people, side by side.

    Attributes:
        names: The people.
        matrix: float32 of shape (templates, d), contiguous, rows of length 1, each person's rows together.
        starts: For each person, the index of their first row.
        counts: For each person, how many rows they have; float32.
        score: How a person's cosines become one similarity, one of :data:`PERSON_SCORES`.
    """

    names: tuple[str, ...]
    matrix: npt.NDArray[np.float32]
    starts: npt.NDArray[np.intp]
    counts: npt.NDArray[np.float32]
    score: str = "mean"

    @classmethod
    def of(cls, templates: dict[str, npt.NDArray[np.float32]], *, score: str = "mean") -> Enrolled:
        """Lay out the templates that :meth:`edge_runtime.gallery.store.Gallery.templates` gives.

        Args:
            templates: For each person float32 of shape (templates, d), rows of length 1.
            score: ``"mean"``, what thresholds of single pairs hold for at least, or ``"best"``, which a threshold must
                have been calibrated for or tightened to.

        Raises:
            GalleryError: There is nobody, or somebody without a template.
            UsageError: The score is unknown.
        """
        if score not in PERSON_SCORES:
            raise UsageError(f"a person's score is the {' or the '.join(PERSON_SCORES)} of theirs, not {score!r}.")
        if not templates:
            raise GalleryError("nobody is enrolled. Enrol somebody: siamlite enroll NAME --source …")
        lengths = [len(rows) for rows in templates.values()]
        if min(lengths) == 0:
            raise GalleryError("somebody is enrolled without a template. Remove them and enrol them again.")
        matrix = np.ascontiguousarray(np.concatenate(list(templates.values())), dtype=np.float32)
        starts = np.concatenate([np.zeros(1, np.intp), np.cumsum(lengths, dtype=np.intp)[:-1]])
        counts = np.array(lengths, dtype=np.float32)
        return cls(names=tuple(templates), matrix=matrix, starts=starts, counts=counts, score=score)


def person_similarities(probe: npt.NDArray[np.float32], enrolled: Enrolled) -> npt.NDArray[np.float32]:
    """Similarity of a probe to each person: the mean, or the best, of the cosines to that person's templates.

    The mean unless the thresholds were calibrated for the best: those of single pairs are exceeded more often by the
    best of several templates than they promise.

    Args:
        probe: float32 of shape (d,), of length 1.
        enrolled: The people.

    Returns:
        float32 of shape (people,), -1 to 1.
    """
    cosines = enrolled.matrix @ probe
    if len(cosines) == len(enrolled.names):
        return np.asarray(cosines, dtype=np.float32)
    if enrolled.score == "best":
        return np.asarray(np.maximum.reduceat(cosines, enrolled.starts), dtype=np.float32)
    return np.asarray(np.add.reduceat(cosines, enrolled.starts) / enrolled.counts, dtype=np.float32)


def margin_to_next(similarities: npt.NDArray[np.floating]) -> float | None:
    """By how much the nearest person is nearer than the next; None of fewer than two people."""
    if len(similarities) < 2:
        return None
    second, first = np.partition(similarities, len(similarities) - 2)[-2:]
    return float(first - second)
