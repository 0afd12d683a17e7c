"""Drawing on frames what the verifier saw, for people who would rather look than read."""

from __future__ import annotations

import cv2
import numpy as np

from edge_runtime.decisions.decide import Decision
from edge_runtime.decisions.observe import Observation
from edge_runtime.errors import MissingDependency
from edge_runtime.images import Image

_GREEN, _RED, _AMBER, _WHITE = (46, 160, 67), (218, 54, 51), (210, 153, 34), (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw(image_rgb: Image, seen: Observation, decision: Decision | None) -> Image:
    """A copy of a frame with the face's box, its landmarks, and what was decided.

    Args:
        image_rgb: uint8 of shape (height, width, 3).
        seen: What the verifier observed in it.
        decision: The decision that stands, if there is one.
    """
    canvas = image_rgb.copy()
    colour = _AMBER if decision is None else (_GREEN if decision.accepted else _RED)
    size = max(0.5, canvas.shape[1] / 1100)
    if seen.face is not None:
        left, top, right, bottom = (round(value) for value in seen.face.face.box_px)
        cv2.rectangle(canvas, (left, top), (right, bottom), colour, 2, cv2.LINE_AA)
        for x, y in np.rint(seen.face.face.landmarks_px).astype(int):
            cv2.circle(canvas, (int(x), int(y)), 2, _WHITE, -1, cv2.LINE_AA)
    text = _words(seen, decision)
    if text:
        (width, height), base = cv2.getTextSize(text, _FONT, size, 1)
        cv2.rectangle(canvas, (0, 0), (width + 16, height + base + 12), colour, -1)
        cv2.putText(canvas, text, (8, height + 6), _FONT, size, _WHITE, 1, cv2.LINE_AA)
    return canvas


def _words(seen: Observation, decision: Decision | None) -> str:
    """What is written on the frame, in ASCII: OpenCV's own font has no other letters."""
    if decision is None:
        subject = seen.subject
        asked = subject.liveness.advice if subject is not None and subject.liveness is not None else ""
        return seen.problem or asked or "looking ..."
    similarity = "" if decision.similarity is None else f" {decision.similarity:.2f} (needs {decision.threshold:.2f})"
    who = decision.person or decision.claimed or ""
    return f"{decision.outcome.value} {who}{similarity}".encode("ascii", "replace").decode()


def show(image_rgb: Image, title: str) -> bool:
    """Show a frame in a window.

    Returns:
        False when the user pressed q or Esc.

    Raises:
        MissingDependency: This OpenCV cannot open windows, or there is no screen.
    """
    try:
        cv2.imshow(title, cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR))
        return cv2.waitKey(1) & 0xFF not in (27, ord("q"))
    except cv2.error as error:
        raise MissingDependency(
            "this OpenCV cannot open a window, or there is no screen. For a window run: "
            "pip uninstall opencv-python-headless; pip install 'siamlite[edge-window]'; or leave out --show."
        ) from error
