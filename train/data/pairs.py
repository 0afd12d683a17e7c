"""Lists of pairs to verify, such as Labeled Faces in the Wild's ``pairs.txt`` (Huang et al. 2007, UMass TR 07-49)."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError
from edge_runtime.files import read_whole
from edge_runtime.images import IMAGE_SUFFIXES
from train.data.faces import FaceSet

_MAX_FILE = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One line of a list.

    Attributes:
        left: Names that the one picture may have, the likeliest first, without suffix.
        right: The same of the other.
        genuine: Whether both are of one person.
        fold: The fold, from 0.
        line: The line of the list, from 1.
    """

    left: tuple[str, ...]
    right: tuple[str, ...]
    genuine: bool
    fold: int
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedPairs:
    """The pairs of a list whose pictures are in a set of faces.

    Attributes:
        left: int64 of shape (n,): rows of the set.
        right: The same of the other pictures.
        genuine: bool of shape (n,).
        folds: int64 of shape (n,).
        missing: Names of the pictures that the set lacks; their pairs are left out.
    """

    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    genuine: npt.NDArray[np.bool_]
    folds: npt.NDArray[np.int64]
    missing: tuple[str, ...]


def read_pairs(path: str | Path) -> tuple[Pair, ...]:
    """Read a list of pairs.

    A line is ``name n1 n2`` (genuine), ``name1 n1 name2 n2`` (impostor), or ``path1 path2 0|1`` with a fold after it if
    there are any. Fields are parted by tabs, else by commas, else by blanks. A first line of counts, as LFW has it
    (``10 300``: ten folds of 300 genuine and 300 impostor pairs; ``1100``: one fold), is checked. Without it a new fold
    begins where genuine pairs follow impostor pairs. A first line of column names is left out.

    Args:
        path: The list.

    Raises:
        DataError: It cannot be read, a line has another form, or the counts do not match.
    """
    rows = _rows(Path(path))
    counts = _counts(rows[0][1]) if rows else None
    if counts is not None or (rows and _is_heading(rows[0][1])):
        rows = rows[1:]
    pairs: list[Pair] = []
    for line, fields in rows:
        left, right, genuine, fold = _parse(fields, path, line)
        if left == right:
            raise DataError(f"{path}, line {line}: a picture is no pair with itself. Take the line out.")
        if fold is None:
            fold = _next_fold(pairs, genuine, counts)
        pairs.append(Pair(left=left, right=right, genuine=genuine, fold=fold, line=line))
    if not pairs:
        raise DataError(f"{path} holds no pairs. A line is: name n1 n2, name1 n1 name2 n2, or path1 path2 0|1")
    if counts is not None:
        _check_counts(pairs, counts, path)
    return tuple(pairs)


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """The fields of each line that is not empty, with its number."""
    try:
        text = read_whole(path, most_bytes=_MAX_FILE).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"cannot read the list of pairs {path}: {reason}. Give a text file of pairs.") from error
    found = []
    for line, words in enumerate(text.splitlines(), start=1):
        mark = "\t" if "\t" in words else "," if "," in words else None
        try:
            fields = next(csv.reader([words], delimiter=mark)) if mark else words.split()
        except csv.Error as error:
            raise DataError(f"{path}, line {line}: {error}. Give a text file of pairs.") from error
        fields = [field.strip() for field in fields]
        while fields and not fields[-1]:
            fields.pop()
        if fields and not fields[0].startswith("#"):
            found.append((line, fields))
    return found


def _counts(fields: Sequence[str]) -> tuple[int, int] | None:
    """Folds, and pairs of each kind in a fold, if the first line is one of counts."""
    if len(fields) > 2 or not all(_is_number(field) for field in fields):
        return None
    return (int(fields[0]), int(fields[1])) if len(fields) == 2 else (1, int(fields[0]))


def _is_heading(fields: Sequence[str]) -> bool:
    return len(fields) > 2 and not any(_is_number(field) for field in fields)


def _is_number(field: str) -> bool:
    return field.isascii() and field.isdigit()


def _parse(
    fields: Sequence[str], path: str | Path, line: int
) -> tuple[tuple[str, ...], tuple[str, ...], bool, int | None]:
    numbers = "".join("n" if _is_number(field) else "w" for field in fields)
    if numbers in ("wnn", "nnn"):
        return _of_person(fields[0], fields[1]), _of_person(fields[0], fields[2]), True, None
    if numbers in ("wnwn", "nnnn", "wnnn", "nnwn"):
        genuine = fields[0] == fields[2]
        return _of_person(fields[0], fields[1]), _of_person(fields[2], fields[3]), genuine, None
    if numbers in ("wwn", "wwnn") and fields[2] in ("0", "1"):
        fold = int(fields[3]) if len(fields) == 4 else None
        return _of_path(fields[0]), _of_path(fields[1]), fields[2] == "1", fold
    raise DataError(
        f"{path}, line {line}: {' '.join(fields)[:80]!r} is no pair. A line is: name n1 n2, name1 n1 name2 n2, or "
        "path1 path2 0|1"
    )


def _of_person(name: str, number: str) -> tuple[str, ...]:
    """LFW's ``name/name_0001``; ``name/1`` where a set numbers its pictures plainly."""
    return (f"{name}/{name}_{int(number):04d}", f"{name}/{int(number)}")


def _of_path(path: str) -> tuple[str, ...]:
    parts = [part for part in PurePosixPath(path.replace("\\", "/")).parts if part not in ("/", ".")]
    # A list may write folders before the person's.
    return tuple(_stem("/".join(parts[start:])) for start in range(max(1, len(parts) - 1)))


def _stem(name: str) -> str:
    path = PurePosixPath(name)
    known = path.suffix.lower() in IMAGE_SUFFIXES
    return path.with_suffix("").as_posix() if known else path.as_posix()


def _next_fold(pairs: Sequence[Pair], genuine: bool, counts: tuple[int, int] | None) -> int:
    if not pairs:
        return 0
    if counts is not None:
        return len(pairs) // max(1, 2 * counts[1])
    return pairs[-1].fold + (genuine and not pairs[-1].genuine)


def _check_counts(pairs: Sequence[Pair], counts: tuple[int, int], path: str | Path) -> None:
    folds, each = counts
    for fold in range(max(folds, pairs[-1].fold + 1)):
        kinds = [pair.genuine for pair in pairs if pair.fold == fold]
        if fold >= folds or (kinds.count(True), kinds.count(False)) != (each, each):
            raise DataError(
                f"{path} promises {folds} folds of {each} genuine and {each} impostor pairs; fold {fold + 1} has "
                f"{kinds.count(True)} and {kinds.count(False)}. Get the list again, or remove its first line."
            )


def resolve_pairs(pairs: Sequence[Pair], faces: FaceSet) -> ResolvedPairs:
    """Find the pictures of a list in a set of faces; suffixes may differ, for prepared faces are PNG.

    Args:
        pairs: What :func:`read_pairs` gives.
        faces: The set.

    Raises:
        DataError: The set has none of the pairs, or two pictures that differ in their suffix alone.
    """
    rows: dict[str, int] = {}
    for row, name in enumerate(faces.names):
        if rows.setdefault(_stem(name), row) != row:
            raise DataError(f"{name} and {faces.names[rows[_stem(name)]]} differ in their suffix alone. Rename one.")
    found: list[tuple[int, int, bool, int]] = []
    missing: dict[str, None] = {}
    for pair in pairs:
        left, right = (next((rows[name] for name in side if name in rows), None) for side in (pair.left, pair.right))
        missing.update({side[0]: None for side, row in ((pair.left, left), (pair.right, right)) if row is None})
        if left is not None and right is not None:
            found.append((left, right, pair.genuine, pair.fold))
    if not found:
        raise DataError(
            f"none of the {len(pairs)} pairs has both its pictures in the data; {next(iter(missing))} is missing, the "
            f"data has {faces.names[0]}. Give the list and the pictures of one set."
        )
    table = np.array(found, dtype=np.int64).T
    return ResolvedPairs(
        left=table[0], right=table[1], genuine=table[2].astype(bool), folds=table[3], missing=tuple(missing)
    )
