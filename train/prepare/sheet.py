"""Sheets of small pictures with captions, as PNG: for looking at many pictures at once."""

from __future__ import annotations

import io
import logging
import os
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edge_runtime.images import Image

# Matplotlib wants a folder of its own for its font list; where home is read-only a temporary one does.
if not os.access(os.path.expanduser("~"), os.W_OK):
    os.environ.setdefault("MPLCONFIGDIR", tempfile.gettempdir())

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# With --debug it would tell of every font.
logging.getLogger("matplotlib").setLevel(logging.WARNING)

_DPI = 100
_GAP, _LINE, _HEAD, _CHARACTER = 6, 11, 34, 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One picture of a sheet.

    Attributes:
        picture: uint8 of shape (height, width, 1 or 3), RGB; None leaves the place grey.
        caption: The text below it; lines that are too long are cut in the middle.
        frame: Colour of a frame, as Matplotlib knows it; none if empty.
    """

    picture: Image | None
    caption: str = ""
    frame: str = ""


def draw_sheet(
    cells: Sequence[Cell],
    *,
    title: str,
    columns: int,
    size_px: tuple[int, int] = (84, 84),
    rows: Sequence[str] = (),
) -> bytes:
    """Draw pictures in rows and columns.

    Args:
        cells: The pictures, row by row.
        title: The line at the top.
        columns: Pictures in a row.
        size_px: Width and height of the place for a picture, which keeps its proportions.
        rows: A name at the left of each row.

    Returns:
        The bytes of a PNG file.
    """
    lines = max((cell.caption.count("\n") + 1 for cell in cells if cell.caption), default=0)
    step_x, step_y = size_px[0] + _GAP, size_px[1] + lines * _LINE + _GAP
    left = _GAP + (round(max(map(len, rows)) * 6.2) + _GAP if rows else 0)
    count = -(-len(cells) // columns)
    width = max(left + columns * step_x, _GAP * 2 + round(len(title) * 7.6))
    canvas = np.full((_HEAD + count * step_y + _GAP, width, 3), 255, np.uint8)
    figure = Figure(figsize=(canvas.shape[1] / _DPI, canvas.shape[0] / _DPI), dpi=_DPI)
    _write(figure, canvas, _GAP, _HEAD / 2, title, size_pt=9.5)
    for number, cell in enumerate(cells):
        x, y = left + number % columns * step_x, _HEAD + number // columns * step_y
        _place(canvas, cell, x, y, size_px)
        most = int(size_px[0] / _CHARACTER)
        text = "\n".join(shorten(line, most) for line in cell.caption.split("\n"))
        _write(figure, canvas, x, y + size_px[1] + 2, text, size_pt=6.5, above=False)
    for number, name in enumerate(rows):
        _write(figure, canvas, _GAP, _HEAD + number * step_y + size_px[1] / 2, name, size_pt=8)
    figure.figimage(canvas[::-1], origin="lower")
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes; there is nothing to warn of.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


def evenly(total: int, most: int) -> list[int]:
    """At most so many of the numbers from 0 to ``total`` - 1, evenly spread."""
    if total <= most:
        return list(range(total))
    return [int(number) for number in np.linspace(0, total - 1, most).round()]


def shorten(text: str, most: int) -> str:
    """A text of at most so many characters, cut in the middle."""
    if len(text) <= most:
        return text
    tail = (most - 1) // 2
    return f"{text[: most - 1 - tail]}…{text[len(text) - tail :]}"


def _place(canvas: Image, cell: Cell, x: int, y: int, size_px: tuple[int, int]) -> None:
    """Put a picture into its place on the canvas, in the middle."""
    place = canvas[y : y + size_px[1], x : x + size_px[0]]
    place[:] = 232
    if cell.picture is not None:
        height, width = cell.picture.shape[:2]
        scale = min(size_px[0] / width, size_px[1] / height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        small = np.asarray(cv2.resize(cell.picture, size, interpolation=method)).reshape(size[1], size[0], -1)
        top, left = (size_px[1] - size[1]) // 2, (size_px[0] - size[0]) // 2
        place[top : top + size[1], left : left + size[0]] = small
    if cell.frame:
        from matplotlib.colors import to_rgb

        colour = np.rint(np.array(to_rgb(cell.frame)) * 255).astype(np.uint8)
        for edge in (place[:2], place[-2:], place[:, :2], place[:, -2:]):
            edge[:] = colour


def _write(figure: Figure, canvas: Image, x: float, y: float, text: str, *, size_pt: float, above: bool = True) -> None:
    """Write at a place in pixels from the top left: in the middle of the line, or below it."""
    if text:
        height, width = canvas.shape[:2]
        figure.text(
            x / width,
            1 - y / height,
            text,
            fontsize=size_pt,
            va="center" if above else "top",
            linespacing=1.0,
            parse_math=False,
        )
