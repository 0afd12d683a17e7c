"""A set of pictures of people, and what other files say of them: found by person and name, wherever they lie."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError, UsageError
from edge_runtime.files import sha256_bytes, sha256_file
from edge_runtime.people import scan_people

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureSet:
    """Pictures of people.

    Attributes:
        folder: Where they are.
        paths: The pictures, person by person.
        labels: int64 of shape (n,): whose each is.
        digest: SHA-256 of their names and contents.
    """

    folder: Path
    paths: tuple[Path, ...]
    labels: npt.NDArray[np.int64]
    digest: str

    @property
    def keys(self) -> list[str]:
        """What each picture is called in files about them, see :func:`picture_key`."""
        return [picture_key(path.relative_to(self.folder).as_posix()) for path in self.paths]


def picture_key(path: str) -> str:
    """Person and picture, without the folders above and the suffix: lists may name another copy of the same set."""
    return "/".join(PurePosixPath(path).with_suffix("").parts[-2:])


def read_set(folder: Path, *, limit: int | None = None) -> PictureSet:
    """List a folder of people.

    Args:
        folder: One folder a person.
        limit: The first people alone.

    Raises:
        DataError: It is no such folder, or a picture cannot be read.
        UsageError: The limit is none.
    """
    if limit is not None and limit < 2:
        raise UsageError(f"--limit must be 2 people or more, not {limit}.")
    people = scan_people(folder)[:limit]
    paths = tuple(path for person in people for path in person.pictures)
    labels = np.repeat(np.arange(len(people)), [len(person.pictures) for person in people]).astype(np.int64)
    lines = [f"{path.relative_to(folder).as_posix()} {sha256_file(path)}" for path in paths]
    return PictureSet(folder=folder, paths=paths, labels=labels, digest=sha256_bytes("\n".join(lines).encode()))


def read_sources(path: Path, keys: Iterable[str]) -> list[str]:
    """The source set of each picture by a CSV file ``path,source``; ``"unknown"`` where the file does not name it.

    Raises:
        DataError: It cannot be read, has another heading, contradicts itself, or names none of the pictures.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream))
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"cannot read the index {path}: {getattr(error, 'strerror', None) or error}.") from error
    if not rows or rows[0] != ["path", "source"] or any(len(row) != 2 for row in rows):
        raise DataError(f"{path} must begin with the line path,source and have these two fields in each line.")
    wanted = list(keys)
    held = _by_key(((row[0], row[1]) for row in rows[1:]), set(wanted), path)
    return [held.get(key, "unknown") for key in wanted]


def read_descriptors(path: Path, keys: Iterable[str]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Another system's descriptors of the pictures, in their order.

    Args:
        path: An ``.npz`` file with ``path`` (texts) and ``descriptor`` (numbers of shape (n, d)).
        keys: The pictures.

    Returns:
        float32 of shape (pictures, d), NaN where the file lacks the picture; and the mean descriptor of all others in
        the file, float32 of shape (d,), zero if there are no others.

    Raises:
        DataError: It cannot be read, holds something else, contradicts itself, or names none of the pictures.
    """
    try:
        with open(path, "rb") as stream, np.load(stream) as file:
            names, values = file["path"], file["descriptor"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"cannot read the descriptors {path} ({error}): an .npz of path and descriptor is needed."
        ) from error
    if names.ndim != 1 or names.dtype.kind != "U" or values.ndim != 2 or len(names) != len(values):
        raise DataError(
            f"{path}: path must be n texts and descriptor (n, d) numbers, not {names.shape}, {values.shape}."
        )
    if values.dtype.kind != "f" or not np.isfinite(values).all():
        raise DataError(f"{path}: a descriptor is not a finite number.")
    wanted = list(keys)
    rows = _by_key(((str(name), row) for row, name in enumerate(names)), set(wanted), path)
    found = np.full((len(wanted), values.shape[1]), np.nan, dtype=np.float32)
    for at, key in enumerate(wanted):
        if key in rows:
            found[at] = values[rows[key]]
    others = np.setdiff1d(np.arange(len(values)), np.array(list(rows.values())))
    centre = values[others].astype(np.float64).mean(axis=0) if others.size else np.zeros(values.shape[1])
    return found, centre.astype(np.float32)


def _by_key(pairs: Iterable[tuple[str, _T]], wanted: set[str], path: Path) -> dict[str, _T]:
    held: dict[str, _T] = {}
    for name, value in pairs:
        key = picture_key(name)
        if key in wanted and key in held:
            raise DataError(f"{path} names the picture {key} twice, so which is meant is not known.")
        if key in wanted:
            held[key] = value
    if not held:
        raise DataError(f"{path} names none of the pictures: a path must end in PERSON/PICTURE, as {min(wanted)}.")
    return held
