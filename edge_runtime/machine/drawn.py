"""Frames to measure on where there is no camera: a drawn face, nobody's, that moves before a wall.

The detectors find it and it passes every limit of quality, so the whole way of a frame is gone. It resembles no person
enough to say anything about accuracy.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.images import Image

# The person is drawn once at this size, with a shirt that goes on below, and set into each frame.
_WIDTH_PX, _HEIGHT_PX = 480, 2400
_CENTRE_PX = (240.0, 235.0)
_FACE_PX = 300
_FRAMES_PER_S = 15.0
_SKIN, _SHADE, _LIP = (224, 172, 138), (176, 118, 92), (172, 84, 84)
_HAIR, _WHITE, _IRIS, _DARK = (62, 44, 36), (242, 240, 236), (84, 62, 44), (34, 26, 24)
_WALL, _SHIRT = (150, 156, 160), (70, 86, 110)


def drawn_face() -> tuple[Image, Image]:
    """A head with shoulders.

    Returns:
        uint8 picture of shape (2400, 480, 3), RGB, and its mask of shape (2400, 480), 255 where the person is.
    """
    canvas = np.full((_HEIGHT_PX, _WIDTH_PX, 3), _WALL, np.uint8)
    mask = np.zeros((_HEIGHT_PX, _WIDTH_PX), np.uint8)
    _ellipse(canvas, (240, 560), (200, 150), _SHIRT, mask)
    for layer, colour in ((canvas, _SHIRT), (mask, 255)):
        cv2.rectangle(layer, (40, 560), (440, _HEIGHT_PX), colour, -1)
    _ellipse(canvas, (240, 385), (56, 95), _SHADE, mask)
    _ellipse(canvas, (240, 205), (142, 172), _HAIR, mask)
    for side in (-1, 1):
        _ellipse(canvas, (240 + side * 122, 235), (18, 34), _SHADE, mask)
    _ellipse(canvas, (240, 235), (118, 158), _SKIN, mask)
    _ellipse(canvas, (240, 92), (112, 44), _HAIR, mask)
    for side in (-1, 1):
        _eye(canvas, 240 + side * 50, 215)
        _ellipse(canvas, (240 + side * 72, 290), (26, 20), (232, 160, 132))
    _nose_and_mouth(canvas)
    shaded = _light(np.asarray(cv2.GaussianBlur(canvas, (0, 0), 2.2), dtype=np.uint8), mask)
    return shaded, np.asarray(cv2.GaussianBlur(mask, (0, 0), 3), dtype=np.uint8)


def _ellipse(
    canvas: Image,
    centre: tuple[int, int],
    axes: tuple[int, int],
    colour: tuple[int, int, int],
    mask: Image | None = None,
) -> None:
    cv2.ellipse(canvas, centre, axes, 0, 0, 360, colour, -1, cv2.LINE_AA)
    if mask is not None:
        cv2.ellipse(mask, centre, axes, 0, 0, 360, 255, -1, cv2.LINE_AA)


def _eye(canvas: Image, x: int, y: int) -> None:
    _ellipse(canvas, (x, y), (32, 20), _SHADE)
    _ellipse(canvas, (x, y + 2), (27, 13), _WHITE)
    _ellipse(canvas, (x, y + 1), (13, 13), _IRIS)
    _ellipse(canvas, (x, y + 1), (6, 6), _DARK)
    _ellipse(canvas, (x + 4, y - 3), (3, 3), _WHITE)
    cv2.ellipse(canvas, (x, y + 2), (29, 15), 0, 180, 360, _DARK, 4, cv2.LINE_AA)
    cv2.ellipse(canvas, (x, y - 14), (38, 18), 0, 200, 340, _HAIR, 9, cv2.LINE_AA)


def _nose_and_mouth(canvas: Image) -> None:
    for side in (-1, 1):
        cv2.line(canvas, (240 + side * 12, 225), (240 + side * 16, 275), _SHADE, 4, cv2.LINE_AA)
        _ellipse(canvas, (240 + side * 15, 285), (11, 9), _SHADE)
        _ellipse(canvas, (240 + side * 11, 288), (6, 4), _DARK)
    _ellipse(canvas, (240, 276), (13, 14), (236, 186, 152))
    _ellipse(canvas, (240, 334), (46, 17), _LIP)
    cv2.ellipse(canvas, (240, 328), (46, 9), 0, 0, 180, _DARK, 3, cv2.LINE_AA)
    cv2.ellipse(canvas, (240, 358), (26, 8), 0, 0, 180, _SHADE, 3, cv2.LINE_AA)


def _light(canvas: Image, mask: Image) -> Image:
    """Light from the upper left, darker towards the edge of the head."""
    y, x = np.mgrid[0:_HEIGHT_PX, 0:_WIDTH_PX].astype(np.float32) / _WIDTH_PX - 0.5
    light = 1.06 - 0.5 * ((x + 0.06) ** 2 + (0.75 * (y + 0.04)) ** 2) / 0.12 * 0.45
    shade = np.where(mask > 0, np.clip(light, 0.55, 1.1), 1).astype(np.float32)
    return np.clip(canvas * shade[:, :, None], 0, 255).astype(np.uint8)


def drawn_frames(width: int = 640, height: int = 480, *, face_px: int = 180, seed: int = 0) -> Iterator[Image]:
    """Frames without end: the face sways, comes nearer and goes back, before a wall, with a camera's noise.

    Args:
        width: Of the frames.
        height: Of the frames.
        face_px: Height of the face from hairline to chin, on average.
        seed: Of the noise.

    Yields:
        uint8 of shape (height, width, 3), RGB.
    """
    rng = np.random.default_rng(seed)
    person, mask = drawn_face()
    slope = np.linspace(1.08, 0.88, width, dtype=np.float32)[None, :, None]
    wall = np.clip(np.asarray(_WALL, np.float32) * slope * np.ones((height, 1, 1), np.float32), 0, 255)
    noise = rng.normal(0, 3, (height, width, 1)).astype(np.float32)
    for number in itertools.count():
        matrix = _motion(number / _FRAMES_PER_S, width, height, face_px / _FACE_PX)
        alpha = (
            cv2.warpAffine(mask, matrix, (width, height), flags=cv2.INTER_LINEAR).astype(np.float32)[:, :, None] / 255
        )
        moved = cv2.warpAffine(person, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        grain = np.roll(noise, tuple(rng.integers(0, min(width, height), 2)), axis=(0, 1))
        yield np.clip(wall * (1 - alpha) + moved * alpha + grain, 0, 255).astype(np.uint8)


def _motion(time_s: float, width: int, height: int, scale: float) -> npt.NDArray[np.float64]:
    """Where the drawn person is at a time: a transform of shape (2, 3) from the drawing to the frame."""
    nearer = scale * (1 + 0.12 * np.sin(0.7 * time_s))
    turn_deg = float(4 * np.sin(0.9 * time_s))
    matrix = np.asarray(cv2.getRotationMatrix2D(_CENTRE_PX, turn_deg, float(nearer)), dtype=np.float64)
    place = [width * (0.5 + 0.06 * np.sin(1.3 * time_s)), height * (0.46 + 0.03 * np.sin(1.9 * time_s))]
    matrix[:, 2] += np.asarray(place) - _CENTRE_PX
    return matrix
