"""Non-maximum suppression: several boxes around one face become one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def merge_overlapping(
    points: npt.NDArray[np.float32], scores: npt.NDArray[np.float32], *, min_overlap: float = 0.3
) -> list[tuple[npt.NDArray[np.float32], float]]:
    """Put boxes of one face together: the score-weighted mean of those that overlap, which steadies the landmarks.

    Args:
        points: Shape (n, 2 + landmarks, 2): centre, size, landmarks.
        scores: Shape (n,), 0 to 1.
        min_overlap: Intersection over union from which two boxes are one face.

    Returns:
        Merged values of shape (2 + landmarks, 2) with the best score of each face, the surest first.
    """
    low, high = points[:, 0] - points[:, 1] / 2, points[:, 0] + points[:, 1] / 2
    area = np.maximum(high - low, 0).prod(axis=1)
    left = np.argsort(-scores, kind="stable")
    merged = []
    while left.size:
        best = left[0]
        shared = np.maximum(np.minimum(high[left], high[best]) - np.maximum(low[left], low[best]), 0).prod(axis=1)
        overlap = shared / np.maximum(area[left] + area[best] - shared, 1e-9)
        same = overlap >= min_overlap
        same[0] = True
        weights = scores[left[same]]
        merged.append((np.average(points[left[same]], axis=0, weights=weights), float(scores[best])))
        left = left[~same]
    return merged
