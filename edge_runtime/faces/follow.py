"""Following a face from one frame to the next, at a fraction of what detection costs.

Pyramidal Lucas–Kanade flow (Bouguet 2001) of a grid of points inside the face, kept only where the flow there and
back again ends where it began (Kalal, Mikolajczyk and Matas 2010, "Forward-Backward Error", ICPR), and one similarity
transform through what is left. Whatever does not move as one face does is lost, not guessed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.faces.align import Points, similarity_transform
from edge_runtime.faces.detect import Face
from edge_runtime.images import Image

# Pixels across the face that flow is computed on: more drift less and cost more (see benchmarks.tracking).
_FACE_PX = 64
# Room around the face's box, as a share of its width: as far as it may move in one frame.
_ROOM = 0.3
_GRID = 4
_FLOW_WINDOW = (11, 11)
_FLOW_LEVELS = 2
_FLOW_STEPS = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 8, 0.03)
_LOOK_PX = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowLimits:
    """What still counts as the same face moving on.

    Attributes:
        max_return: Median distance between a point and where it comes back to, as a share of the face's width.
        max_residual: Median distance of the points from one common motion, as a share of the face's width.
        min_points: Share of the points that must have come back.
        max_scale: Largest factor of growth or shrinking in one frame.
        max_shift: Largest movement in one frame, as a share of the face's width.
        min_likeness: Least correlation of the face with itself one frame before, both brought to the same place.
    """

    max_return: float = 0.01
    max_residual: float = 0.01
    min_points: float = 0.4
    max_scale: float = 1.2
    max_shift: float = 0.3
    min_likeness: float = 0.7


def follow_face(before_rgb: Image, now_rgb: Image, face: Face, limits: FollowLimits) -> Face | None:
    """Where a face has gone since the frame before.

    Args:
        before_rgb: uint8 frame of shape (height, width, 3) that the face was in.
        now_rgb: The frame after it, of the same shape.
        face: The face in the frame before.
        limits: What still counts as the same face.

    Returns:
        The face with its box and landmarks moved; None if it is lost.
    """
    factor = max(1, int((face.box_px[2] - face.box_px[0]) // _FACE_PX))
    window = _window(face, before_rgb, factor)
    if window is None or before_rgb.shape != now_rgb.shape:
        return None
    before, now = _grey(before_rgb, window, factor), _grey(now_rgb, window, factor)
    origin = np.array(window[:2], dtype=np.float32)
    start = (_grid(face) - origin) / np.float32(factor)
    end, kept, returned = _flow(before, now, start)
    width_px = (face.box_px[2] - face.box_px[0]) / factor
    if kept.mean() < limits.min_points or returned > limits.max_return * width_px:
        return None
    motion = similarity_transform(start[kept], end[kept])
    if not _is_steady(start[kept], end[kept], motion, width_px, limits):
        return None
    return (
        _moved(face, motion, origin, factor) if _likeness(before, now, start, motion) >= limits.min_likeness else None
    )


def _window(face: Face, image_rgb: Image, factor: int) -> tuple[int, int, int, int] | None:
    """The part of the picture that the face may be in next; None if too little of it is inside."""
    left, top, right, bottom = face.box_px
    height, width = image_rgb.shape[:2]
    room = _ROOM * (right - left)
    x0, y0 = max(0, int(left - room)), max(0, int(top - room))
    x1, y1 = min(width, int(right + room) + 1), min(height, int(bottom + room) + 1)
    # A whole number of the cells that are averaged: OpenCV does that ten times faster.
    x1, y1 = x1 - (x1 - x0) % factor, y1 - (y1 - y0) % factor
    return (x0, y0, x1, y1) if min(x1 - x0, y1 - y0) >= _LOOK_PX * factor else None


def _grey(image_rgb: Image, window: tuple[int, int, int, int], factor: int) -> Image:
    """The window in grey, reduced by a whole factor."""
    x0, y0, x1, y1 = window
    grey = cv2.cvtColor(image_rgb[y0:y1, x0:x1], cv2.COLOR_RGB2GRAY)
    size = (x1 - x0) // factor, (y1 - y0) // factor
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA) if factor > 1 else grey, dtype=np.uint8)


def _is_steady(
    start: Points, end: Points, motion: npt.NDArray[np.float64], width_px: float, limits: FollowLimits
) -> bool:
    """Whether the points moved as one, neither far nor into another size."""
    residual = np.linalg.norm(start @ motion[:, :2].T + motion[:, 2] - end, axis=1)
    growth = float(np.hypot(motion[0, 0], motion[1, 0]))
    shift = float(np.linalg.norm(end.mean(axis=0) - start.mean(axis=0)))
    return (
        float(np.median(residual)) <= limits.max_residual * width_px
        and 1 / limits.max_scale <= growth <= limits.max_scale
        and shift <= limits.max_shift * width_px
    )


def _grid(face: Face) -> Points:
    """Points inside the face's box and its landmarks; float32 of shape (n, 2), pixels of the picture."""
    left, top, right, bottom = face.box_px
    share = np.linspace(0.15, 0.85, _GRID, dtype=np.float32)
    x, y = np.meshgrid(left + share * (right - left), top + share * (bottom - top))
    return np.concatenate([np.stack([x.ravel(), y.ravel()], axis=1), face.landmarks_px]).astype(np.float32)


def _flow(before: Image, now: Image, start: Points) -> tuple[Points, npt.NDArray[np.bool_], float]:
    """Where the points went, which of them came back, and the median distance that they missed by."""
    points = start[:, None]
    end, there = _one_way(before, now, points)
    back, here = _one_way(now, before, end)
    missed = np.linalg.norm(back - points, axis=2)[:, 0]
    found = (there[:, 0] == 1) & (here[:, 0] == 1) & np.isfinite(missed)
    if not found.any():
        return start, found, np.inf
    middle = float(np.median(missed[found]))
    return end[:, 0], found & (missed <= max(0.5, 2 * middle)), middle


def _one_way(before: Image, now: Image, points: Points) -> tuple[Points, npt.NDArray[np.uint8]]:
    end, found, _ = cv2.calcOpticalFlowPyrLK(
        before,
        now,
        points,
        np.empty_like(points),
        winSize=_FLOW_WINDOW,
        maxLevel=_FLOW_LEVELS,
        criteria=_FLOW_STEPS,
    )
    return np.asarray(end, dtype=np.float32), np.asarray(found, dtype=np.uint8)


def _likeness(before: Image, now: Image, start: Points, motion: npt.NDArray[np.float64]) -> float:
    """Correlation of the face's grey levels before and now, brought to the same place; -1 to 1."""
    low, high = start.min(axis=0), start.max(axis=0)
    step = (high - low) / (_LOOK_PX - 1)
    still = np.array([[step[0], 0, low[0]], [0, step[1], low[1]]], dtype=np.float64)
    gone = np.column_stack([motion[:, :2] @ still[:, :2], motion[:, :2] @ still[:, 2] + motion[:, 2]])
    size, flags = (_LOOK_PX, _LOOK_PX), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    first = cv2.warpAffine(before, still, size, flags=flags, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    second = cv2.warpAffine(now, gone, size, flags=flags, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    return float(cv2.matchTemplate(first, second, cv2.TM_CCOEFF_NORMED)[0, 0])


def _moved(face: Face, motion: npt.NDArray[np.float64], origin: Points, factor: int) -> Face:
    """The face after a motion that was found in the window."""

    def go(points: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        return (((points - origin) / factor) @ motion[:, :2].T + motion[:, 2]) * factor + origin

    left, top, right, bottom = face.box_px
    x, y = go(np.array([(left + right) / 2, (top + bottom) / 2], dtype=np.float64))
    growth = float(np.hypot(motion[0, 0], motion[1, 0])) / 2
    half_width, half_height = growth * (right - left), growth * (bottom - top)
    return replace(
        face,
        box_px=(float(x - half_width), float(y - half_height), float(x + half_width), float(y + half_height)),
        landmarks_px=go(face.landmarks_px).astype(np.float32),
    )
