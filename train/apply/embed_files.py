"""From picture files to embeddings: the one way in for every application of a trained tower."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edge_runtime.errors import DataError, FaceError
from edge_runtime.faces.align import AlignmentTemplate
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.images import Image, read_image
from edge_runtime.measures.metrics import unit_rows
from edge_runtime.people import pictures_below, read_faces_mark, scan_people
from edge_runtime.towers.preprocess import tower_pixels
from train.data.decode import fit_crop, fit_picture
from train.data.sources.mark import marked_template
from train.measure.evaluate import LoadedTower

_CHUNK = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A picture that was left out.

    Attributes:
        path: The file.
        reason: What is wrong with it, in one line.
    """

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedFiles:
    """Embeddings of picture files.

    Attributes:
        paths: The files that were embedded.
        embeddings: float32 of shape (n, d), rows of length 1, aligned with ``paths``.
        skipped: The files that could not be.
    """

    paths: tuple[Path, ...]
    embeddings: npt.NDArray[np.float32]
    skipped: tuple[Skipped, ...]


class Cropper:
    """Cuts out of a picture file what a tower takes in."""

    def __init__(self, tower: LoadedTower, *, aligned: bool = False) -> None:
        """Remember the tower; the face detector is loaded when a photograph first needs it.

        Args:
            tower: Whose input is wanted. One that was trained on no faces (no template) gets whole pictures.
            aligned: Whether the pictures are aligned crops already. Those that lie in a folder that
                ``python -m train prepare`` wrote are known to be.
        """
        self.size_px = tower.spec.size_px
        self._template: AlignmentTemplate | None = tower.template
        self._aligned = aligned
        self._finder: FaceFinder | None = None
        self._prepared: dict[Path, AlignmentTemplate | None] = {}

    def crop(self, path: Path) -> Image:
        """The tower's input of one file.

        Returns:
            uint8 of shape (size_px, size_px, 3), RGB.

        Raises:
            DataError: It is no picture, holds no face, several or one that is not good enough, or an aligned crop is
                not square, too small, or aligned by another template.
        """
        image_rgb = read_image(path)
        if self._template is None:
            return fit_picture(image_rgb, self.size_px, name=str(path))
        if self._aligned or self._lies_prepared(path):
            return fit_crop(image_rgb, self.size_px, name=str(path))
        if self._finder is None:
            self._finder = FaceFinder(size_px=self.size_px, template=self._template)
        found = self._finder.find_one(image_rgb, name=str(path))
        if found.problem is not None:
            code, advice = found.problem
            raise FaceError(f"the face in {path} is not good enough: {code} ({advice}).")
        return found.crop_rgb

    def _lies_prepared(self, path: Path) -> bool:
        """Whether a picture lies in a prepared folder: ``FACES/person/picture.png``."""
        root = path.absolute().parents[1] if len(path.absolute().parents) > 1 else path.absolute().parent
        if root not in self._prepared:
            mark = read_faces_mark(root)
            self._prepared[root] = None if mark is None else marked_template(mark, str(root))
        held = self._prepared[root]
        if held is None or self._template is None:
            return False
        if not self._template.aligns_like(held):
            raise DataError(
                f"{root} is aligned by the template {held.name!r}, the tower by {self._template.name!r}. "
                "Give the photographs; they are then aligned for the tower."
            )
        return True


def embed_crops(tower: LoadedTower, crops_rgb: Sequence[Image]) -> npt.NDArray[np.float32]:
    """Embed crops of shape (size_px, size_px, 3); float32 of shape (n, d), rows of length 1."""
    pixels = np.stack([tower_pixels(crop, tower.colours) for crop in crops_rgb])
    return unit_rows(tower.embed(pixels))


def embed_files(tower: LoadedTower, paths: Sequence[Path], *, aligned: bool = False) -> EmbeddedFiles:
    """Embed picture files, a chunk at a time; those that cannot be used are left out and named.

    Args:
        tower: See :func:`train.measure.evaluate.load_tower`.
        paths: The files.
        aligned: See :class:`Cropper`.

    Raises:
        DataError: None of them can be used.
    """
    cropper = Cropper(tower, aligned=aligned)
    kept: list[Path] = []
    rows: list[npt.NDArray[np.float32]] = []
    skipped: list[Skipped] = []
    waiting = iter(tqdm(paths, desc="embedding", unit="picture", disable=not sys.stderr.isatty(), file=sys.stderr))
    while chunk := list(islice(waiting, _CHUNK)):
        crops = []
        for path in chunk:
            try:
                crops.append(cropper.crop(path))
            except DataError as error:
                skipped.append(Skipped(path=path, reason=str(error)))
                continue
            kept.append(path)
        if crops:
            rows.append(embed_crops(tower, crops))
    if not rows:
        why = skipped[0].reason if skipped else "there are none."
        raise DataError(f"none of the {len(paths)} pictures can be used; the first: {why}")
    return EmbeddedFiles(paths=tuple(kept), embeddings=np.concatenate(rows), skipped=tuple(skipped))


def list_pictures(places: Iterable[str | Path]) -> list[Path]:
    """Picture files, and those at any depth below the folders, each once.

    Of a folder that ``python -m train prepare`` wrote only the faces count, not the sheets beside them.

    Raises:
        DataError: A place does not exist, or a folder has no picture.
    """
    found: dict[Path, None] = {}
    for place in map(Path, places):
        if place.is_dir():
            below = _pictures_of(place)
            if not below:
                raise DataError(f"no pictures in {place}. Give a folder that holds some, at any depth.")
            found.update(dict.fromkeys(below))
        elif place.exists():
            found[place] = None
        else:
            raise DataError(f"{place} does not exist. Give a picture, or a folder of pictures.")
    return list(found)


def _pictures_of(folder: Path) -> list[Path]:
    if read_faces_mark(folder) is None:
        return pictures_below(folder)
    return [path for person in scan_people(folder) for path in person.pictures]
