"""Whether a whole picture changed between two frames: a cut in a video, a camera that was turned or covered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.images import Image

_SIZE = (32, 24)
# Grey levels by which the picture around the faces changes on average. A moving face comes to about 1
# (benchmarks.tracking); two plain walls of one colour stay below it too, and are left to the check of identity.
_CUT_LEVELS = 20.0
# A face that moves in one frame must not count as the scene.
_ROOM = 0.25


def thumbnail(image_rgb: Image) -> npt.NDArray[np.float32]:
    """A frame as 24×32 grey levels, from every few of its pixels."""
    step = max(1, image_rgb.shape[1] // (4 * _SIZE[0]))
    sparse = np.ascontiguousarray(image_rgb[::step, ::step])
    small = cv2.resize(sparse, _SIZE, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.float32)


Thumbnail: TypeAlias = npt.NDArray[np.float32]
Boxes: TypeAlias = Sequence[tuple[float, float, float, float]]


def is_cut(before: Thumbnail, now: Thumbnail, boxes_px: Boxes, shape: tuple[int, ...]) -> bool:
    """Whether the scene around the faces became another one; the arguments are those of :func:`scene_change`."""
    return scene_change(before, now, boxes_px, shape) > _CUT_LEVELS


def scene_change(before: Thumbnail, now: Thumbnail, boxes_px: Boxes, shape: tuple[int, ...]) -> float:
    """By how many grey levels the scene around the faces changed on average.

    A change of brightness alone is none: the frame is brought to the mean of the one before.

    Args:
        before: Thumbnail of the frame before.
        now: Thumbnail of the frame after.
        boxes_px: Boxes (left, top, right, bottom) of the faces before, in pixels of the frame: they are left out.
        shape: (height, width, …) of the frame.

    Returns:
        0 to 255; 0 where the faces leave nothing to compare.
    """
    around = np.ones(before.shape, dtype=bool)
    to_x, to_y = before.shape[1] / shape[1], before.shape[0] / shape[0]
    for left, top, right, _ in boxes_px:
        room = _ROOM * (right - left)
        x0, x1 = max(0, int((left - room) * to_x)), max(0, int((right + room) * to_x) + 1)
        # What is below a face moves with it.
        around[max(0, int((top - room) * to_y)) :, x0:x1] = False
    if around.mean() < 0.1:
        return 0.0
    gain = float(np.clip((before[around].mean() + 1) / (now[around].mean() + 1), 0.5, 2.0))
    return float(np.abs(now[around] * gain - before[around]).mean())
