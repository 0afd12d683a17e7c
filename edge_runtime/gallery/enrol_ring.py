"""The progress of an enrolment as a ring around the face, and the advice below it."""

from __future__ import annotations

import cv2
import numpy as np

from edge_runtime.errors import MissingDependency
from edge_runtime.images import Image

_GREEN, _GREY, _WHITE, _BLACK = (46, 160, 67), (120, 128, 136), (255, 255, 255), (16, 20, 26)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_ring(image_rgb: Image, box_px: tuple[float, float, float, float] | None, share: float, words: str) -> Image:
    """A copy of a frame with a ring that closes as samples are taken.

    Args:
        image_rgb: uint8 of shape (height, width, 3).
        box_px: Left, top, right and bottom of the face; the ring is in the middle without one.
        share: How much is done, 0 to 1.
        words: Advice.
    """
    canvas = image_rgb.copy()
    height, width = canvas.shape[:2]
    left, top, right, bottom = box_px or (0.3 * width, 0.2 * height, 0.7 * width, 0.8 * height)
    centre = round((left + right) / 2), round((top + bottom) / 2)
    radius = max(8, round(0.65 * max(right - left, bottom - top)))
    thick = max(2, radius // 14)
    cv2.ellipse(canvas, centre, (radius, radius), -90, 0, 360, _GREY, thick, cv2.LINE_AA)
    if share > 0:
        cv2.ellipse(canvas, centre, (radius, radius), -90, 0, round(360 * min(1.0, share)), _GREEN, thick, cv2.LINE_AA)
    if words:
        plain = words.encode("ascii", "replace").decode()
        size = max(0.5, width / 1000)
        (long, high), base = cv2.getTextSize(plain, _FONT, size, 1)
        cv2.rectangle(canvas, (0, height - high - base - 14), (long + 20, height), _BLACK, -1)
        cv2.putText(canvas, plain, (10, height - base - 6), _FONT, size, _WHITE, 1, cv2.LINE_AA)
    return np.asarray(canvas, dtype=np.uint8)


def show_ring(image_rgb: Image) -> bool:
    """Show a frame in a window.

    Returns:
        False when the user pressed q or Esc.

    Raises:
        MissingDependency: This OpenCV cannot open windows, or there is no screen.
    """
    try:
        cv2.imshow("siamlite enroll", cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR))
        return cv2.waitKey(1) & 0xFF not in (27, ord("q"))
    except cv2.error as error:
        raise MissingDependency(
            "this OpenCV cannot open a window, or there is no screen. For a window run: "
            "pip uninstall opencv-python-headless; pip install 'siamlite[edge-window]'; or leave out --window."
        ) from error
