"""Contact sheets of a preparation: some of the faces that were kept, and of the photographs that were not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from edge_runtime.errors import ImageError
from edge_runtime.files import write_bytes
from edge_runtime.images import Image, read_image
from train.prepare.cut import Record
from train.prepare.sheet import Cell, draw_sheet, evenly

CELLS = 200
_COLUMNS = 20
_SIDE_PX = 84


def write_contact_sheets(folder: Path, source: Path, records: Sequence[Record]) -> list[Path]:
    """Write ``contact-kept.png`` and, where something was rejected, ``contact-rejected.png``.

    Each shows 200 pictures at most, evenly spread over all of them, and says how many of how many.

    Args:
        folder: The folder of faces; the sheets lie beside the folders of people, so they are no one's pictures.
        source: The folder of photographs.
        records: What became of each photograph.

    Raises:
        WriteError: A sheet cannot be written.
    """
    kept = [record for record in records if record.face]
    rejected = [record for record in records if not record.face]
    shown = [kept[index] for index in evenly(len(kept), CELLS)]
    cells = [Cell(picture=read_image(folder / item.face), caption=item.face.split("/")[0]) for item in shown]
    written = [_write(folder / "contact-kept.png", cells, f"{len(cells)} of {len(kept)} faces kept")]
    if rejected:
        shown = [rejected[index] for index in evenly(len(rejected), CELLS)]
        cells = [
            Cell(picture=_thumbnail(source / item.picture), caption=f"{item.reason}\n{item.picture}") for item in shown
        ]
        title = f"{len(cells)} of {len(rejected)} photographs rejected"
        written.append(_write(folder / "contact-rejected.png", cells, title))
    return written


def _write(path: Path, cells: list[Cell], title: str) -> Path:
    data = draw_sheet(cells, title=title, columns=min(_COLUMNS, max(5, len(cells))), size_px=(_SIDE_PX, _SIDE_PX))
    return write_bytes(path, data)


def _thumbnail(path: Path) -> Image | None:
    """A photograph, reduced at once so that two hundred of them need little memory; None if it cannot be decoded."""
    try:
        image = read_image(path)
    except ImageError:
        return None
    scale = _SIDE_PX / max(image.shape[:2])
    if scale >= 1:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
