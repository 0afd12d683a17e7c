"""The drawn frames in a window."""

from __future__ import annotations

import cv2

from edge_runtime.errors import MissingDependency
from edge_runtime.images import Image


def show(image_rgb: Image, title: str) -> bool:
    """Show a frame in a window.

    Returns:
        False when the user pressed q or Esc, or closed the window.

    Raises:
        MissingDependency: This OpenCV cannot open windows, or there is no screen.
    """
    try:
        cv2.imshow(title, cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR))
        pressed = cv2.waitKey(1) & 0xFF
        return pressed not in (27, ord("q")) and cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) >= 1
    except cv2.error as error:
        raise MissingDependency(
            "this OpenCV cannot open a window, or there is no screen. For a window run: "
            "pip uninstall opencv-python-headless; pip install 'siamlite[edge-window]'; or leave out --window."
        ) from error
