"""Prepared faces in memory: one uint8 array, whose each row is, and hashes of what was read."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.align import DEFAULT_TEMPLATE, AlignmentTemplate
from edge_runtime.errors import DataError, ImageError, UsageError
from edge_runtime.files import sha256_bytes
from edge_runtime.images import Image, decode_image
from edge_runtime.people import read_faces_mark, scan_people
from edge_runtime.preprocess import InputSpec, tower_pixels

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceSet:
    """Aligned faces of some people.

    Attributes:
        people: Their names.
        pixels: uint8 of shape (n, size, size, channels) in the colours of the input specification.
        labels: int64 of shape (n,): whose face each row is, as a position in ``people``.
        names: Path of each picture below the folder, with forward slashes.
        hashes: SHA-256 of each picture file.
        skipped: Paths of the pictures that could not be read.
        template: How the faces are aligned.
    """

    people: tuple[str, ...]
    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    names: tuple[str, ...]
    hashes: tuple[str, ...]
    skipped: tuple[str, ...]
    template: AlignmentTemplate

    def select(self, people: Collection[str]) -> FaceSet:
        """The faces of some of the people."""
        kept = [index for index, name in enumerate(self.people) if name in people]
        return self.take(np.flatnonzero(np.isin(self.labels, kept)))

    def take(self, rows: npt.NDArray[np.integer]) -> FaceSet:
        """The faces of some rows, in that order; people without a row are left out."""
        kept, labels = np.unique(self.labels[rows], return_inverse=True)
        whole = len(rows) == len(self.labels) and bool((np.asarray(rows) == np.arange(len(rows))).all())
        return replace(
            self,
            people=tuple(self.people[index] for index in kept),
            # A memory map is not copied when all of it is taken.
            pixels=self.pixels if whole else self.pixels[rows],
            labels=labels.astype(np.int64),
            names=tuple(self.names[row] for row in rows),
            hashes=tuple(self.hashes[row] for row in rows),
        )

    @property
    def single_picture_people(self) -> tuple[str, ...]:
        """Names of the people with one picture, who give impostor pairs only."""
        counts = np.bincount(self.labels, minlength=len(self.people))
        return tuple(name for name, count in zip(self.people, counts, strict=True) if count == 1)

    @property
    def sha256(self) -> str:
        """Hash over the sorted names and file hashes: the same for the same data in any place."""
        lines = sorted(f"{name}\0{digest}\n" for name, digest in zip(self.names, self.hashes, strict=True))
        return sha256_bytes("".join(lines).encode())


def load_faces(folder: str | Path, spec: InputSpec) -> FaceSet:
    """Read aligned crops into memory.

    Args:
        folder: One folder a person with square, aligned crops of ``spec.size_px`` or more a side; written by
            ``python -m train prepare``, or aligned by other means.
        spec: The tower's input; larger crops are reduced by area averaging.

    Raises:
        DataError: There are no usable pictures, or a crop is not square or is smaller than the tower's input.
    """
    root = Path(folder)
    template = folder_template(root)
    people: list[str] = []
    rows: list[Image] = []
    labels: list[int] = []
    names: list[str] = []
    hashes: list[str] = []
    skipped: list[str] = []
    for person in scan_people(root):
        for path in person.pictures:
            name = path.relative_to(root).as_posix()
            try:
                data = path.read_bytes()
                crop = fit_crop(decode_image(data, name=str(path)), spec.size_px, name=str(path))
            except (ImageError, OSError) as error:
                _log.warning("skipped %s: %s", name, error)
                skipped.append(name)
                continue
            if not people or people[-1] != person.name:
                people.append(person.name)
            rows.append(tower_pixels(crop, spec))
            labels.append(len(people) - 1)
            names.append(name)
            hashes.append(hashlib.sha256(data).hexdigest())
    if not rows:
        raise DataError(f"none of the {len(skipped)} pictures in {root} can be decoded. Copy them again.")
    return FaceSet(
        people=tuple(people),
        pixels=np.stack(rows),
        labels=np.array(labels, dtype=np.int64),
        names=tuple(names),
        hashes=tuple(hashes),
        skipped=tuple(skipped),
        template=template,
    )


def fit_crop(crop_rgb: Image, size_px: int, *, name: str) -> Image:
    """Reduce an aligned crop to the tower's size by area averaging.

    Args:
        crop_rgb: uint8 of shape (n, n, 3), n ≥ ``size_px``.
        size_px: The side that the tower takes.
        name: What an error message calls it.

    Raises:
        DataError: It is not square, or too small.
    """
    height, width = crop_rgb.shape[:2]
    if height != width or height < size_px:
        raise DataError(
            f"{name} is {width}×{height} px; aligned crops must be square and {size_px} px a side at least. "
            f"Prepare the photographs for this tower: python -m train prepare RAW --out FACES --size {size_px}"
        )
    if height == size_px:
        return crop_rgb
    return np.asarray(cv2.resize(crop_rgb, (size_px, size_px), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def folder_template(folder: Path) -> AlignmentTemplate:
    """How the faces of a folder are aligned: what its mark says, or the default where it has none.

    Raises:
        DataError: The mark is damaged.
    """
    mark = read_faces_mark(folder)
    if mark is None:
        return DEFAULT_TEMPLATE
    try:
        values = mark["template"]
        points = tuple((float(x), float(y)) for x, y in values["points"])
        return AlignmentTemplate(name=str(values["name"]), points=points)
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise DataError(
            f"the mark of {folder} has no usable alignment template ({error}). "
            "Prepare the folder again: python -m train prepare RAW --out FACES"
        ) from error


def same_picture_twice(faces: FaceSet) -> list[tuple[str, str]]:
    """Pairs of pictures with the same bytes under two people: one of the labels must be wrong."""
    seen: dict[str, int] = {}
    found = []
    for row, digest in enumerate(faces.hashes):
        first = seen.setdefault(digest, row)
        if faces.labels[first] != faces.labels[row]:
            found.append((faces.names[first], faces.names[row]))
    return found
