"""Results as pictures: two compared faces, and the pictures that were found."""

from __future__ import annotations

from pathlib import Path

from edge_runtime.errors import UsageError
from edge_runtime.files import refuse_overwrite
from edge_runtime.images import read_image
from train.apply.compare import Comparison
from train.apply.similar import Ranked
from train.prepare.sheet import Cell, draw_sheet

_SAME, _DIFFERENT = "#1b7837", "#b2182b"
_COLUMNS = 5


def check_sheet_path(path: str | Path, *, force: bool) -> None:
    """Refuse a file that is there, or whose name does not say PNG, before any work is done.

    Raises:
        UsageError: It must not be written.
    """
    if Path(path).suffix.lower() != ".png":
        raise UsageError(f"--out {path} is written as PNG. Give it a name that ends with .png")
    refuse_overwrite(path, force=force)


def draw_comparison(result: Comparison) -> bytes:
    """The two crops that the tower saw, with the verdict; the bytes of a PNG file."""
    frame = _SAME if result.same else _DIFFERENT
    files = (result.first, result.second)
    cells = [
        Cell(picture=crop, caption=_name(path), frame=frame) for crop, path in zip(result.crops_rgb, files, strict=True)
    ]
    title = f"{result.verdict}: similarity {result.similarity:.3f}, threshold {result.threshold.value:.3f}"
    return draw_sheet(cells, title=title, columns=2, size_px=(224, 224))


def draw_ranked(ranked: Ranked) -> bytes:
    """The picture that was looked for and those that were found; the bytes of a PNG file.

    Raises:
        ImageError: One of the files has gone since it was compared.
    """
    cells = [Cell(picture=read_image(ranked.picture), caption=f"{_name(ranked.picture)}\nlooked for", frame="black")]
    for path, similarity in ranked.found:
        cells.append(Cell(picture=read_image(path), caption=f"{_name(path)}\n{similarity:.3f}"))
    title = f"most similar of {ranked.searched} pictures"
    return draw_sheet(cells, title=title, columns=min(_COLUMNS, len(cells)), size_px=(140, 140))


def _name(path: Path) -> str:
    return f"{path.absolute().parent.name}/{path.name}"
