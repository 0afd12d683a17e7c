"""How far the nose moves before the rest of the face: what a head shows when it turns, and no sheet does.

All images of a plane are one homography apart (Hartley and Zisserman 2004, *Multiple View Geometry*, 13.1). What is
left after the best homography is parallax, along one direction in each frame and in proportion to the height above the
plane (ibid., 13.3). A sheet that is bent, or bends more, leaves something too, but nearly a quadratic in the position.
So the residuals are explained by a quadratic and the relief of a nose, and only the nose counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.faces.align import Points

# A generic nose in face coordinates (distances between the eyes, about 63 mm): middle, spread and height.
_NOSE_AT, _NOSE_SPREAD, _NOSE_HEIGHT = (0.0, 0.5), (0.2, 0.28), 0.36
# Residuals beyond this many times the typical one count for less (Huber 1964).
_HUBER = 1.5
_REWEIGHTED = 3
_LEAST = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallax:
    """What two frames of a face show.

    Attributes:
        turn: How far the relief's points moved against the sheet, as a multiple of their height: about the sine of the
            angle between the two views. 0 for a sheet.
        direction: (x, y) of that movement, of length ``turn``.
        error: Standard error of ``turn``.
        left: Root mean square of what neither sheet nor nose explains, in distances between the eyes.
        share: Share of the residuals' squares, after the quadratic, that the nose explains; 0 to 1.
        squeezed: How much more the sheet shrank in one direction than across it: 0 for none, 1 for all of it.
    """

    turn: float
    direction: tuple[float, float]
    error: float
    left: float
    share: float
    squeezed: float


def relief(points_face: Points) -> npt.NDArray[np.float64]:
    """Height of a generic nose over the rest of a face.

    Args:
        points_face: Shape (n, 2), in face coordinates (see :mod:`edge_runtime.liveness.points`).

    Returns:
        float64 of shape (n,), in distances between the eyes.
    """
    away = (points_face.astype(np.float64) - _NOSE_AT) / _NOSE_SPREAD
    return np.asarray(_NOSE_HEIGHT * np.exp(-0.5 * (away**2).sum(axis=1)))


def parallax(reference_face: Points, now_px: Points) -> Parallax | None:
    """Compare a face's points in two frames.

    Args:
        reference_face: Shape (n, 2): the points in the first frame, in face coordinates.
        now_px: Shape (n, 2): the same points in the second frame, in pixels.

    Returns:
        What they show; None if they are too few, or lie where nothing can be told.
    """
    if len(reference_face) < _LEAST:
        return None
    source = reference_face.astype(np.float64)
    found, _ = cv2.findHomography(source, now_px.astype(np.float64), 0)
    if found is None or not np.isfinite(found).all():
        return None
    homography = np.asarray(found, dtype=np.float64)
    eyes_px, squeezed = _scale(homography, source)
    if not eyes_px > 1:
        return None
    residual = (now_px - cv2.perspectiveTransform(source[None], homography)[0]) / eyes_px
    return _explain(source, residual, squeezed)


def _explain(source: npt.NDArray[np.float64], residual: npt.NDArray[np.float64], squeezed: float) -> Parallax | None:
    x, y = source[:, 0], source[:, 1]
    design = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y, relief(source.astype(np.float32))], axis=1)
    weights = np.ones(len(x))
    for _ in range(_REWEIGHTED):
        weighted = design * weights[:, None]
        try:
            inverse = np.linalg.inv(design.T @ weighted)
        except np.linalg.LinAlgError:
            return None
        fitted = inverse @ (weighted.T @ residual)
        size = np.linalg.norm(residual - design @ fitted, axis=1)
        left = float(weights @ size**2)
        weights = np.minimum(1, _HUBER * max(float(np.median(size)), 1e-9) / np.maximum(size, 1e-12))
    # What the nose is beside the sheet, as a sum of squares; none if the points show no nose.
    strength = 1 / float(inverse[-1, -1])
    if not strength > 1e-4:
        return None
    direction = fitted[-1]
    turn = float(np.hypot(*direction))
    freedom = max(len(x) - design.shape[1], 1)
    return Parallax(
        turn=turn,
        direction=(float(direction[0]), float(direction[1])),
        error=float(np.sqrt(left / (2 * freedom) / strength)),
        left=float(np.sqrt(left / len(x))),
        share=turn**2 * strength / max(turn**2 * strength + left, 1e-18),
        squeezed=squeezed,
    )


def _scale(homography: npt.NDArray[np.float64], source: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Pixels to a distance between the eyes at the middle of the points, and how uneven the two directions are."""
    middle = source.mean(axis=0)
    w = homography[2] @ (*middle, 1)
    at = (homography[:2] @ (*middle, 1)) / w
    linear = (homography[:2, :2] - np.outer(at, homography[2, :2])) / w
    large, small = np.linalg.svd(linear, compute_uv=False)
    return float(np.sqrt(large * small)), float(1 - small / max(large, 1e-9))
