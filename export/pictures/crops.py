"""Aligned crops from a folder of people, whether it holds prepared faces or plain photographs."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edge_runtime.errors import DataError, FaceError, ImageError, UsageError
from edge_runtime.faces.align import DEFAULT_TEMPLATE, TEMPLATES, AlignmentTemplate, template_from_values
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.files import sha256_bytes, sha256_file
from edge_runtime.images import Image, read_image
from edge_runtime.people import natural_key, read_faces_mark, scan_people

_log = logging.getLogger(__name__)
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFile:
    """A picture of a person.

    Attributes:
        person: Name of the person's folder.
        name: Path below the folder of people, with forward slashes.
        path: Where it lies.
        sha256: Of the file's content; empty where the file cannot be read.
    """

    person: str
    name: str
    path: Path
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CropSet:
    """Aligned crops and where they came from.

    Attributes:
        crops_rgb: uint8 of shape (n, size_px, size_px, 3), RGB.
        files: The n pictures, in the same order.
        skipped: Names and reasons of those that could not be used.
        prepared: Whether the folder held prepared faces (else plain photographs).
    """

    crops_rgb: npt.NDArray[np.uint8]
    files: tuple[PictureFile, ...]
    skipped: tuple[tuple[str, str], ...]
    prepared: bool

    @property
    def people(self) -> list[str]:
        """Names of the people, in natural order."""
        return sorted({file.person for file in self.files}, key=natural_key)

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """int64 of shape (n,): the index in :attr:`people` of each crop's person."""
        index = {name: i for i, name in enumerate(self.people)}
        return np.array([index[file.person] for file in self.files], dtype=np.int64)

    def take(self, positions: Sequence[int]) -> CropSet:
        """Some of the crops, in the order given."""
        files = tuple(self.files[position] for position in positions)
        return replace(self, crops_rgb=self.crops_rgb[list(positions)], files=files)

    @property
    def sha256(self) -> str:
        """SHA-256 over the sorted list of names and content hashes: identifies the set."""
        lines = sorted(f"{file.name}\t{file.sha256}\n" for file in self.files)
        return sha256_bytes("".join(lines).encode())


def list_files(folder: str | Path) -> list[PictureFile]:
    """The pictures of a folder of people, in natural order, with their hashes.

    Raises:
        DataError: The folder is missing or holds no person with a picture.
    """
    root = Path(folder)
    return [
        PictureFile(person=person.name, name=path.relative_to(root).as_posix(), path=path, sha256=_hash(path))
        for person in scan_people(root)
        for path in person.pictures
    ]


def _hash(path: Path) -> str:
    try:
        return sha256_file(path)
    except DataError:
        return ""


def interleave(files: Sequence[PictureFile], *, seed: int) -> list[PictureFile]:
    """Pictures in a seeded order that visits every person once before anyone twice: any beginning is stratified."""
    generator = np.random.default_rng(seed)
    people: dict[str, list[PictureFile]] = {}
    for file in files:
        people.setdefault(file.person, []).append(file)
    ranked: list[tuple[int, int, PictureFile]] = []
    turns = generator.permutation(len(people))
    for turn, own in zip(turns, people.values(), strict=True):
        ranked += [(round_, int(turn), own[i]) for round_, i in enumerate(generator.permutation(len(own)))]
    return [file for _, _, file in sorted(ranked, key=lambda item: item[:2])]


class CropReader:
    """Reads crops of one size and template, with the device's own detector where they are not cut out yet."""

    def __init__(self, folder: str | Path, *, size_px: int, template: AlignmentTemplate, aligned: bool = False) -> None:
        """Look at what the folder holds.

        Args:
            folder: Folder of people.
            size_px: Side of the crops that the tower takes.
            template: Where landmarks must lie in them.
            aligned: The pictures are crops already, aligned to the template by somebody else: they are only resized.

        Raises:
            DataError: The folder holds faces prepared at a smaller size or to another template.
            TowerError: Photographs must be aligned and the face detector is missing.
        """
        self.size_px = size_px
        mark = read_faces_mark(folder)
        self.prepared = aligned or mark is not None
        self._aligned = aligned
        self._finder: FaceFinder | None = None
        if mark is None and aligned:
            return
        if mark is None:
            self._finder = FaceFinder(size_px=size_px, template=template)
            return
        again = f"Prepare it again: python -m train prepare RAW --out FACES --size {size_px}"
        if template in TEMPLATES.values() and template != DEFAULT_TEMPLATE:
            again += f" --align {template.name}"
        if mark["size_px"] < size_px and not aligned:
            raise DataError(f"{folder} holds faces of {mark['size_px']} px; the tower takes {size_px}. {again}")
        held = mark.get("template")
        if isinstance(held, dict) and not _aligned_alike(held, template):
            raise DataError(f"{folder} was aligned to another template than the tower's, {template.name!r}. {again}")

    def read(self, file: PictureFile) -> Image:
        """One aligned crop, uint8 of shape (size_px, size_px, 3), RGB.

        Raises:
            ImageError: The picture cannot be decoded, or is no crop of a prepared folder.
            FaceError: There is no face in it, more than one, or none that is good enough.
        """
        image_rgb = read_image(file.path)
        if self._finder is not None:
            found = self._finder.find_one(image_rgb, name=file.name)
            if found.problem is not None:
                raise FaceError(f"the face in {file.name} is not good enough: {found.problem[0]}.")
            return found.crop_rgb
        height, width = image_rgb.shape[:2]
        if self._aligned and height == width:
            return _resized(image_rgb, self.size_px)
        if height != width or height < self.size_px:
            raise ImageError(f"{file.name} is {width}×{height} px, no crop of at least {self.size_px} px.")
        return _resized(image_rgb, self.size_px)


def _resized(image_rgb: Image, size_px: int) -> Image:
    if image_rgb.shape[0] == size_px:
        return image_rgb
    how = cv2.INTER_AREA if image_rgb.shape[0] > size_px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image_rgb, (size_px, size_px), interpolation=how), dtype=np.uint8)


def _aligned_alike(held: dict[str, Any], template: AlignmentTemplate) -> bool:
    try:
        return template.aligns_like(template_from_values(held), tolerance=1e-4)
    except (KeyError, TypeError, ValueError, UsageError):
        return False


def load_crops(reader: CropReader, files: Sequence[PictureFile], *, limit: int | None = None, what: str) -> CropSet:
    """Read crops in order until there are enough; those that cannot be used are skipped, counted and named.

    Args:
        reader: Reads them.
        files: In the order to try them.
        limit: How many are enough; all if None.
        what: What the set is called in messages.
    """
    crops: list[Image] = []
    used: list[PictureFile] = []
    skipped: list[tuple[str, str]] = []
    seen: dict[str, str] = {}
    with tqdm(files, desc=what, unit="picture", disable=not sys.stderr.isatty(), leave=False) as progress:
        for file in progress:
            if limit is not None and len(crops) >= limit:
                break
            if file.sha256 and file.sha256 in seen:
                skipped.append((file.name, f"the same picture as {seen[file.sha256]}"))
                continue
            try:
                crops.append(reader.read(file))
            except (ImageError, FaceError) as error:
                skipped.append((file.name, str(error)))
                continue
            seen[file.sha256] = file.name
            used.append(file)
    _tell_skipped(skipped, what)
    size = reader.size_px
    stacked = np.stack(crops) if crops else np.empty((0, size, size, 3), dtype=np.uint8)
    return CropSet(crops_rgb=stacked, files=tuple(used), skipped=tuple(skipped), prepared=reader.prepared)


def _tell_skipped(skipped: Sequence[tuple[str, str]], what: str) -> None:
    if skipped:
        _log.warning("%s: %d pictures skipped:", what, len(skipped))
        for name, reason in skipped[:_NAMED]:
            _log.warning("  %s: %s", name, reason)
        if len(skipped) > _NAMED:
            _log.warning("  and %d more", len(skipped) - _NAMED)


def name_some(names: Sequence[str]) -> str:
    """A few names for a message, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
