"""Pictures ready for a tower: one uint8 array, whose each row is, and hashes of what was read."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError
from edge_runtime.faces.align import AlignmentTemplate
from edge_runtime.files import sha256_bytes
from edge_runtime.people import natural_key
from edge_runtime.towers.preprocess import InputSpec
from train.data.decode import fit_crop as fit_crop
from train.data.memory import IN_MEMORY_BYTES, decode
from train.data.sources.mark import folder_template as folder_template
from train.data.sources.open import open_source
from train.data.sources.source import PictureSource

_log = logging.getLogger(__name__)

_NAMED_WARNINGS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceSet:
    """Pictures of some people, or of things of some kinds, at the tower's size.

    Attributes:
        people: Their names.
        pixels: uint8 of shape (n, size, size, channels) in the colours of the input specification; a read-only memory
            map where the set is large.
        labels: int64 of shape (n,): whose face each row is, as a position in ``people``.
        names: Name of each picture in its source, with forward slashes: the person, a slash, and what is below that.
        hashes: SHA-256 of each picture file.
        skipped: Paths of the pictures that could not be read.
        template: How the faces are aligned; None where the pictures are no aligned faces.
        halves: ``"train"`` or ``"test"`` for each row, where the source divides its pictures itself; else None.
    """

    people: tuple[str, ...]
    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    names: tuple[str, ...]
    hashes: tuple[str, ...]
    skipped: tuple[str, ...]
    template: AlignmentTemplate | None
    halves: tuple[str, ...] | None = None

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
            halves=None if self.halves is None else tuple(self.halves[row] for row in rows),
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


def load_faces(
    source: str | Path | PictureSource, spec: InputSpec, *, in_memory_bytes: int = IN_MEMORY_BYTES
) -> FaceSet:
    """Read pictures, decoded to the tower's size.

    Args:
        source: What :func:`train.data.sources.open.open_source` takes, or gives: a folder with one folder a person, an
            archive of one, IDX files, ``omniglot:DIR``, ``fashion-mnist`` or ``mnist``. Faces must be square, aligned
            crops of ``spec.size_px`` or more a side, written by ``python -m train prepare`` or aligned by other means;
            pictures that are no faces are resized.
        spec: The tower's input; larger crops are reduced by area averaging.
        in_memory_bytes: Pixels that take less stay in memory; others are decoded once into a memory-mapped file.

    Raises:
        DataError: There are no usable pictures of two people, or a crop is not square or is smaller than the tower's
            input.
        WriteError: The cache folder cannot be written.
    """
    opened = open_source(source) if isinstance(source, str | Path) else source
    decoded = decode(opened, spec, in_memory_bytes=in_memory_bytes)
    _warn_of_skipped(decoded.skipped)
    entries = [opened.entries[position] for position in decoded.positions.tolist()]
    if not entries:
        count = len(decoded.skipped)
        raise DataError(f"none of the {count} pictures in {opened.where} can be decoded. Copy them again.")
    people = sorted({entry.person for entry in entries}, key=natural_key)
    if len(people) < 2:
        raise DataError(
            f"{opened.where} has readable pictures of {people[0]} alone; two people are needed, each in a folder of "
            "their own. Add a folder of somebody else."
        )
    number = {name: index for index, name in enumerate(people)}
    halves = tuple(entry.half for entry in entries)
    return FaceSet(
        people=tuple(people),
        pixels=decoded.pixels,
        labels=np.array([number[entry.person] for entry in entries], dtype=np.int64),
        names=tuple(entry.name for entry in entries),
        hashes=decoded.hashes,
        skipped=tuple(name for name, _ in decoded.skipped),
        template=opened.template,
        halves=None if None in halves else tuple(half for half in halves if half is not None),
    )


def _warn_of_skipped(skipped: Sequence[tuple[str, str]]) -> None:
    for name, reason in skipped[:_NAMED_WARNINGS]:
        _log.warning("skipped %s: %s", name, reason)
    if len(skipped) > _NAMED_WARNINGS:
        _log.warning("skipped %d more unreadable pictures", len(skipped) - _NAMED_WARNINGS)


def same_picture_twice(faces: FaceSet) -> list[tuple[str, str]]:
    """Pairs of pictures with the same bytes under two people: one of the labels must be wrong."""
    seen: dict[str, int] = {}
    found = []
    for row, digest in enumerate(faces.hashes):
        first = seen.setdefault(digest, row)
        if faces.labels[first] != faces.labels[row]:
            found.append((faces.names[first], faces.names[row]))
    return found
