"""Shapes and words with soft edges, mixed into a picture: what the overlay is drawn with.

OpenCV draws its letters with hard, thin strokes. Here everything is drawn four times too large, made small again, and
mixed in, which is what a good text renderer does.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.images import Image

Colour: TypeAlias = tuple[int, int, int]
Mask: TypeAlias = npt.NDArray[np.uint8]

_FINE = 4
_FONT = cv2.FONT_HERSHEY_SIMPLEX
# Height of a capital letter of OpenCV's font at scale 1, in pixels.
_CAPITAL_PX = 21


@functools.lru_cache(maxsize=512)
def plain(text: str) -> str:
    """Text in the letters that OpenCV's font has: accents are taken off, what has no ASCII form becomes ``?``."""
    special = str.maketrans(
        {"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "æ": "ae", "Æ": "AE", "đ": "d", "–": "-"}
    )
    split = unicodedata.normalize("NFKD", text.translate(special).replace("…", "..."))
    kept = "".join(letter for letter in split if not unicodedata.combining(letter))
    return "".join(letter if " " <= letter <= "~" else "?" for letter in kept)


def text_width(text: str, size_px: float, *, bold: bool = False) -> int:
    """Width of a line of text in pixels; ``size_px`` is the height of a capital letter."""
    return _text_mask(plain(text), size_px, bold).shape[1]


def fit_text(text: str, size_px: float, width_px: float, *, bold: bool = False) -> str:
    """Text that is no wider than it may be: cut, with three dots at the end, if it has to be."""
    if text_width(text, size_px, bold=bold) <= width_px:
        return text
    for length in range(len(text) - 1, 0, -1):
        shorter = text[:length].rstrip() + "..."
        if text_width(shorter, size_px, bold=bold) <= width_px:
            return shorter
    return ""


def write(
    canvas: Image, text: str, x: float, base: float, size_px: float, colour: Colour, *, bold: bool = False
) -> int:
    """Write a line of text.

    Args:
        canvas: uint8 of shape (height, width, 3), RGB; drawn on.
        text: What to write.
        x: Its left edge.
        base: The line that the letters stand on.
        size_px: Height of a capital letter.
        colour: RGB.
        bold: Whether the strokes are thicker.

    Returns:
        Its width in pixels.
    """
    mask = _text_mask(plain(text), size_px, bold)
    mix(canvas, mask, round(x), round(base) - _ascent(size_px), colour)
    return int(mask.shape[1])


def _ascent(size_px: float) -> int:
    return round(size_px * 1.5)


@functools.lru_cache(maxsize=512)
def _text_mask(text: str, size_px: float, bold: bool) -> Mask:
    scale = size_px * _FINE / _CAPITAL_PX
    stroke = max(1, round(size_px * _FINE * (0.19 if bold else 0.125)))
    (width, _), _ = cv2.getTextSize(text, _FONT, scale, stroke)
    height = _ascent(size_px) + round(size_px * 0.6)
    fine_width = -(-max(width, 1) // _FINE) * _FINE
    fine = np.zeros((height * _FINE, fine_width), np.uint8)
    cv2.putText(fine, text, (0, _ascent(size_px) * _FINE), _FONT, scale, 255, stroke, cv2.LINE_AA)
    return _small(fine)


def panel(
    canvas: Image,
    x: float,
    y: float,
    width: float,
    height: float,
    colour: Colour,
    *,
    opacity: float = 1.0,
    radius: float = 0,
) -> None:
    """Fill a rectangle, with round corners if a radius is given."""
    left, top, wide, high = round(x), round(y), max(1, round(width)), max(1, round(height))
    if round(radius):
        mix(canvas, _round_mask(wide, high, round(radius)), left, top, colour, opacity)
        return
    part = canvas[max(top, 0) : max(top + high, 0), max(left, 0) : max(left + wide, 0)]
    if part.size and opacity >= 1:
        part[:] = colour
    elif part.size:
        cv2.addWeighted(part, 1 - opacity, np.full_like(part, colour), opacity, 0, dst=part)


@functools.lru_cache(maxsize=256)
def _round_mask(width: int, height: int, radius: int) -> Mask:
    mask = np.full((height, width), 255, np.uint8)
    reach = min(radius, width // 2, height // 2)
    if reach:
        disc = np.zeros((2 * reach * _FINE, 2 * reach * _FINE), np.uint8)
        middle = reach * _FINE
        cv2.circle(disc, (middle, middle), middle - 1, 255, -1, cv2.LINE_AA)
        corner = _small(disc)
        mask[:reach, :reach], mask[:reach, -reach:] = corner[:reach, :reach], corner[:reach, reach:]
        mask[-reach:, :reach], mask[-reach:, -reach:] = corner[reach:, :reach], corner[reach:, reach:]
    return mask


def disc(canvas: Image, x: float, y: float, radius: float, colour: Colour, *, opacity: float = 1.0) -> None:
    """Fill a circle around (x, y)."""
    mix(canvas, _disc_mask(max(0.5, round(radius * 2) / 2)), round(x - radius), round(y - radius), colour, opacity)


@functools.lru_cache(maxsize=64)
def _disc_mask(radius: float) -> Mask:
    side = round(2 * radius)
    fine = np.zeros((side * _FINE, side * _FINE), np.uint8)
    middle = side * _FINE // 2
    cv2.circle(fine, (middle, middle), middle, 255, -1, cv2.LINE_AA)
    return _small(fine)


def corners(
    canvas: Image, box: tuple[float, float, float, float], colour: Colour, *, thick: int, opacity: float = 1.0
) -> None:
    """The four corners of a box, as a camera marks a face: the face itself stays free."""
    left, top, right, bottom = (round(value) for value in box)
    reach = max(3 * thick, round(0.2 * min(right - left, bottom - top)))
    for x, inward in ((left, 1), (right - thick, -1)):
        for y, down in ((top, 1), (bottom - thick, -1)):
            start_x = x if inward > 0 else x + thick - reach
            start_y = y if down > 0 else y + thick - reach
            panel(canvas, start_x, y, reach, thick, colour, opacity=opacity)
            # The upright one without the pixels that are drawn already.
            panel(canvas, x, start_y + (thick if down > 0 else 0), thick, reach - thick, colour, opacity=opacity)


def mix(canvas: Image, mask: Mask, x: int, y: int, colour: Colour, opacity: float = 1.0) -> None:
    """Mix a colour into a picture where a mask says so; what lies beyond the picture is left out.

    Args:
        canvas: uint8 of shape (height, width, 3), RGB; drawn on.
        mask: uint8 of shape (h, w): 255 where the colour covers all.
        x: Column of the picture that the mask begins at.
        y: Row.
        colour: RGB.
        opacity: How much of the colour, 0 to 1.
    """
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + mask.shape[1], canvas.shape[1]), min(y + mask.shape[0], canvas.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    part = canvas[y0:y1, x0:x1]
    share = cv2.merge([mask[y0 - y : y1 - y, x0 - x : x1 - x]] * 3)
    kept = cv2.multiply(part, cv2.bitwise_not(cv2.convertScaleAbs(share, alpha=opacity)), scale=1 / 255)
    part[:] = cv2.add(kept, cv2.multiply(share, np.full_like(part, colour), scale=opacity / 255))


def _small(fine: Mask) -> Mask:
    """A fine drawing at its real size."""
    size = (fine.shape[1] // _FINE, fine.shape[0] // _FINE)
    return np.asarray(cv2.resize(fine, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
