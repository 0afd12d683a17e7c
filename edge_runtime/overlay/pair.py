"""Two pictures side by side, with what came of comparing them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from edge_runtime.decisions.pair import PairDecision
from edge_runtime.faces.detect import Face
from edge_runtime.images import Image
from edge_runtime.overlay.ink import disc, fit_text, panel, text_width, write
from edge_runtime.overlay.picture import STATES, FaceLabel, Overlay, draw_overlay, similarity_bar
from edge_runtime.overlay.words import reason_words

_HEIGHT_PX, _MIN_WIDTH_PX, _MAX_WIDTH_PX, _GAP_PX = 480, 320, 640, 6
_TYPE_PX, _FOOT_PX = 11.0, 84
_PAPER, _INK, _SOFT = (16, 20, 26), (255, 255, 255), (196, 205, 214)
_VERDICTS = {"same": "Same person", "different": "Different people", "low-quality": "Not good enough to say"}


def draw_pair(
    images_rgb: Sequence[Image], faces: Sequence[Face], names: Sequence[str], decision: PairDecision
) -> Image:
    """The two pictures at one height, the faces marked, and below them the verdict and the similarity.

    Args:
        images_rgb: Two uint8 pictures of shape (height, width, 3).
        faces: The face in each.
        names: What each picture is called.
        decision: What the comparison came to.

    Returns:
        uint8 picture of shape (height, width, 3), RGB.
    """
    state = {"same": "accepted", "different": "rejected"}.get(decision.verdict, "poor")
    panels = [
        _panel(image, face, name, problem, state)
        for image, face, name, problem in zip(images_rgb, faces, names, decision.problems, strict=True)
    ]
    gap = np.full((_HEIGHT_PX, _GAP_PX, 3), _PAPER, np.uint8)
    top = np.hstack([panels[0], gap, panels[1]])
    canvas = np.vstack([top, np.full((_FOOT_PX, top.shape[1], 3), _PAPER, np.uint8)])
    _verdict(canvas, decision, state)
    return canvas


def _panel(image_rgb: Image, face: Face, name: str, problem: tuple[str, str] | None, state: str) -> Image:
    height, width = image_rgb.shape[:2]
    scale = min(_HEIGHT_PX / height, _MAX_WIDTH_PX / width)
    small = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    canvas = np.full((_HEIGHT_PX, min(_MAX_WIDTH_PX, max(_MIN_WIDTH_PX, small[0])), 3), 30, np.uint8)
    left, top = (canvas.shape[1] - small[0]) // 2, (_HEIGHT_PX - small[1]) // 2
    canvas[top : top + small[1], left : left + small[0]] = cv2.resize(image_rgb, small, interpolation=how)
    x0, y0, x1, y1 = face.box_px
    moved = replace(
        face,
        box_px=(left + x0 * scale, top + y0 * scale, left + x1 * scale, top + y1 * scale),
        landmarks_px=face.landmarks_px * np.float32(scale) + np.array([left, top], np.float32),
    )
    label = FaceLabel(
        box_px=moved.box_px,
        landmarks_px=moved.landmarks_px,
        state=state if problem is None else "poor",
        reason="" if problem is None else reason_words(*problem),
        name="" if problem is None else "Not good enough",
    )
    return draw_overlay(canvas, Overlay(faces=[label], headline=name, state=label.state, type_px=_TYPE_PX * 0.85))


def _verdict(canvas: Image, decision: PairDecision, state: str) -> None:
    top, size, margin = canvas.shape[0] - _FOOT_PX, _TYPE_PX, 18
    panel(canvas, 0, top, canvas.shape[1], 3, STATES[state])
    words = _VERDICTS[decision.verdict]
    disc(canvas, margin + 6, top + 26, 6, STATES[state])
    write(
        canvas,
        fit_text(words, size * 1.2, canvas.shape[1] - 3 * margin, bold=True),
        margin + 22,
        top + 32,
        size * 1.2,
        _INK,
        bold=True,
    )
    needs = f"needs {decision.threshold:.2f}"
    room = canvas.shape[1] - 2 * margin
    if text_width(words, size * 1.2, bold=True) + text_width(needs, size) + 60 < room:
        write(canvas, needs, canvas.shape[1] - margin - text_width(needs, size), top + 32, size, _SOFT)
    similarity_bar(canvas, (margin, top + 66), room, decision.similarity, decision.threshold, size * 1.2)
