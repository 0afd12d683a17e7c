"""Folders of people: one folder a person, pictures inside, in any depth and any format that OpenCV reads."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_runtime.errors import DataError
from edge_runtime.files import read_json, write_json
from edge_runtime.images import is_image_path

FACES_MARK = "faces.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFolder:
    """One person and their pictures.

    Attributes:
        name: The folder's name.
        pictures: Paths of the pictures, in natural order.
    """

    name: str
    pictures: tuple[Path, ...]


def scan_people(folder: str | Path) -> list[PersonFolder]:
    """List the people of a folder.

    Args:
        folder: It holds one folder a person; a person's pictures may lie in folders of their own below that.

    Returns:
        The people with at least one picture, in natural order of their names.

    Raises:
        DataError: The folder is missing, is no folder, or holds no person with a picture.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{root} is not a folder. Give a folder that holds one folder of pictures for each person.")
    people = []
    for entry in sorted(root.iterdir(), key=lambda path: natural_key(path.name)):
        if entry.is_dir() and not entry.name.startswith("."):
            _check_name(entry)
            pictures = pictures_below(entry)
            if pictures:
                people.append(PersonFolder(name=entry.name, pictures=tuple(pictures)))
    if not people:
        raise DataError(f"no pictures in {root}. It must hold one folder for each person, with the pictures inside.")
    return people


def pictures_below(folder: Path) -> list[Path]:
    """All pictures at any depth below a folder, in natural order; hidden files and hidden folders are left out.

    Raises:
        DataError: A name is not valid UTF-8.
    """
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = (Path(place, name) for name in names)
        found += [path for path in paths if is_image_path(path) and path.is_file()]
    for path in found:
        _check_name(path)
    return sorted(found, key=lambda path: natural_key(str(path)))


def _check_name(path: Path) -> None:
    """Refuse a name that no list, report or JSON file could hold."""
    try:
        os.fsencode(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"the name {path.name!r} in {path.parent} is not valid UTF-8. Rename it.") from error


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """Sort key that puts ``s2`` before ``s10``."""
    key: list[tuple[int, int, str]] = []
    digits = ""
    for character in text + "\0":
        if character.isascii() and character.isdigit():
            digits += character
            continue
        if digits:
            key.append((0, int(digits), digits))
            digits = ""
        key.append((1, 0, character))
    return key


def read_faces_mark(folder: str | Path) -> dict[str, Any] | None:
    """What a folder of prepared faces says of itself; None for a folder of plain photographs.

    A folder that ``python -m train prepare`` wrote holds aligned crops, all of one size, and a ``faces.json`` with
    ``size_px`` (int), ``template`` (name and points), ``detector`` (name) and the numbers of pictures kept and
    rejected.

    Raises:
        DataError: The mark is there but cannot be read.
    """
    path = Path(folder) / FACES_MARK
    if not path.exists():
        return None
    mark = read_json(path, what="the mark of a prepared folder")
    if not isinstance(mark.get("size_px"), int):
        raise DataError(f"{path} lacks size_px. Prepare the folder again: python -m train prepare RAW --out FACES")
    return mark


def write_faces_mark(folder: str | Path, mark: dict[str, Any]) -> Path:
    """Mark a folder as prepared (see :func:`read_faces_mark`)."""
    return write_json(Path(folder) / FACES_MARK, mark)
