"""Whether the face of a track is still the person that it began with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# An anchor is the mean of this many embeddings and then stays: one that went on moving could be led from one person to
# another in small steps.
_ANCHOR_OF = 5


class Anchors:
    """The mean embedding of the first frames of each track, which all that follow are held against.

    A face that looks like another person than the anchor ends the track, however smoothly it moved there. Two people
    are taken for one as often as the false match rate at ``least`` says.
    """

    def __init__(self, least: float) -> None:
        """Begin without a track.

        Args:
            least: Lowest similarity to the anchor of what is taken for the same person.
        """
        self._least = least
        self._sums: dict[int, npt.NDArray[np.float64]] = {}
        self._counts: dict[int, int] = {}

    def holds(self, track: int, embedding: npt.NDArray[np.float32]) -> bool:
        """Whether an embedding (float32 of shape (d,), length 1) is of the track's person; the first one always is."""
        if track not in self._sums:
            return True
        anchor = self._sums[track]
        return bool(float(anchor @ embedding) >= self._least * float(np.linalg.norm(anchor)))

    def add(self, track: int, embedding: npt.NDArray[np.float32]) -> None:
        """Count an embedding that holds towards the anchor, as long as that is not complete."""
        if self._counts.get(track, 0) < _ANCHOR_OF:
            self._sums[track] = self._sums.get(track, np.zeros(len(embedding))) + embedding
            self._counts[track] = self._counts.get(track, 0) + 1

    def keep(self, tracks: set[int]) -> None:
        """Forget all tracks but these."""
        for track in set(self._sums) - tracks:
            del self._sums[track], self._counts[track]
