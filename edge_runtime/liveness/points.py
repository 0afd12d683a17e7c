"""Points of a face, followed one by one from a first frame on: what the planarity test looks at."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.faces.align import Points, similarity_transform
from edge_runtime.images import Image

# Where the landmarks lie in face coordinates: distances between the eyes from the middle between them, y downwards.
FACE_LANDMARKS = np.array([[-0.5, 0.0], [0.5, 0.0], [0.0, 0.57], [0.0, 1.15]], dtype=np.float32)
# The part of the face that points are taken from: no hair, no outline, nothing behind it.
_LOW, _HIGH = np.array([-0.85, -0.35]), np.array([0.85, 1.4])
# Distance between the eyes that flow is computed at, at most: more costs time and gains little.
_EYES_PX = 56
_MOST, _LEAST = 60, 26
_WINDOW = (11, 11)
_LEVELS = 2
_STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 10, 0.02)
# A point that does not come back to within this distance (of the pictures that flow is computed on) is given up.
_RETURN_PX = 0.4


class FacePoints:
    """Corners inside a face, followed by optical flow, there and back again.

    Attributes:
        reference_face: float32 of shape (n, 2): where the points were in the first frame, in face coordinates.
        now_px: float32 of shape (n, 2): where they are in the last frame, in pixels.
        eyes_px: Distance between the eyes in the first frame.
    """

    def __init__(self, image_rgb: Image, landmarks_px: Points) -> None:
        """Choose the points.

        Args:
            image_rgb: uint8 frame of shape (height, width, 3).
            landmarks_px: float32 of shape (4, 2): the face's landmarks in it.
        """
        to_face = similarity_transform(landmarks_px, FACE_LANDMARKS)
        self.eyes_px = 1 / float(np.hypot(to_face[0, 0], to_face[1, 0]))
        self._factor = max(1, int(self.eyes_px // _EYES_PX))
        self._before = image_rgb
        self.now_px = _corners(image_rgb, landmarks_px, to_face, self._factor)
        self.reference_face = _transformed(self.now_px, to_face)

    @property
    def enough(self) -> bool:
        """Whether so many points are left that something can be said."""
        return len(self.now_px) >= _LEAST

    def step(self, image_rgb: Image) -> bool:
        """Follow the points into the next frame; those that get lost are left out from here on.

        Args:
            image_rgb: uint8 frame of the shape of the one before.

        Returns:
            Whether enough are left.
        """
        before, self._before = self._before, image_rgb
        if not self.enough or before.shape != image_rgb.shape:
            self.now_px, self.reference_face = self.now_px[:0], self.reference_face[:0]
            return False
        window = _window(self.now_px, image_rgb, self._factor, self.eyes_px)
        origin, factor = np.array(window[:2], dtype=np.float32), np.float32(self._factor)
        # A pixel of the reduced picture is the mean of several: its centre lies in their middle.
        shift = origin + (factor - 1) / 2
        start = (self.now_px - shift) / factor
        end, kept = _flow(_grey(before, window, self._factor), _grey(image_rgb, window, self._factor), start)
        self.now_px = (end * factor + shift)[kept].astype(np.float32)
        self.reference_face = self.reference_face[kept]
        return self.enough


def _corners(image_rgb: Image, landmarks_px: Points, to_face: npt.NDArray[np.float64], factor: int) -> Points:
    """The best corners inside the face, in pixels."""
    outline = _transformed(
        np.array([_LOW, [_HIGH[0], _LOW[1]], _HIGH, [_LOW[0], _HIGH[1]]], dtype=np.float32),
        np.asarray(cv2.invertAffineTransform(to_face), dtype=np.float64),
    )
    window = _window(outline, image_rgb, factor, 0.0)
    if min(window[2] - window[0], window[3] - window[1]) < 16 * factor:
        return np.empty((0, 2), dtype=np.float32)
    grey = _grey(image_rgb, window, factor)
    shift = np.array(window[:2], dtype=np.float32) + np.float32((factor - 1) / 2)
    mask = np.zeros(grey.shape, dtype=np.uint8)
    cv2.fillConvexPoly(mask, np.rint((outline - shift) / factor).astype(np.int32), 255)
    eyes_px = float(np.linalg.norm(landmarks_px[1] - landmarks_px[0])) / factor
    found = cv2.goodFeaturesToTrack(grey, _MOST, 0.005, max(2.0, eyes_px * 0.1), mask=mask, blockSize=5)
    corners = np.empty((0, 2), dtype=np.float32) if found is None else found.reshape(-1, 2)
    return np.asarray(corners * np.float32(factor) + shift, dtype=np.float32)


def _window(points_px: Points, image_rgb: Image, factor: int, room_px: float) -> tuple[int, int, int, int]:
    """The part of the picture around some points: left, top, right, bottom; a whole number of cells to be averaged."""
    height, width = image_rgb.shape[:2]
    room = 0.4 * room_px
    x0, y0 = np.clip(np.floor(points_px.min(axis=0) - room), 0, [width - 1, height - 1]).astype(int)
    x1, y1 = np.clip(np.ceil(points_px.max(axis=0) + room) + 1, [x0 + 1, y0 + 1], [width, height]).astype(int)
    return int(x0), int(y0), int(x1 - (x1 - x0) % factor), int(y1 - (y1 - y0) % factor)


def _grey(image_rgb: Image, window: tuple[int, int, int, int], factor: int) -> Image:
    """The window in grey, reduced by a whole factor."""
    x0, y0, x1, y1 = window
    grey = cv2.cvtColor(image_rgb[y0:y1, x0:x1], cv2.COLOR_RGB2GRAY)
    size = (x1 - x0) // factor, (y1 - y0) // factor
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA) if factor > 1 else grey, dtype=np.uint8)


def _flow(before: Image, now: Image, start: Points) -> tuple[Points, npt.NDArray[np.bool_]]:
    """Where the points went, and which of them came back."""
    if min(before.shape) < _WINDOW[0]:
        return start, np.zeros(len(start), dtype=bool)
    points = start[:, None].astype(np.float32)
    end, there = _one_way(before, now, points, points)
    back, here = _one_way(now, before, end, points)
    missed = np.linalg.norm(back - points, axis=2)[:, 0]
    kept = (there[:, 0] == 1) & (here[:, 0] == 1) & np.isfinite(missed) & (missed <= _RETURN_PX)
    return end[:, 0], kept


def _one_way(before: Image, now: Image, points: Points, guess: Points) -> tuple[Points, npt.NDArray[np.uint8]]:
    end, found, _ = cv2.calcOpticalFlowPyrLK(
        before,
        now,
        points,
        guess.copy(),
        winSize=_WINDOW,
        maxLevel=_LEVELS,
        criteria=_STOP,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    return np.asarray(end, dtype=np.float32), np.asarray(found, dtype=np.uint8)


def _transformed(points: Points, matrix: npt.NDArray[np.float64]) -> Points:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], dtype=np.float32)
