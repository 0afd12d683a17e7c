"""A teacher that is a file of embeddings: ``.npz`` with the names of pictures and what the teacher made of them."""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError
from edge_runtime.measures.metrics import unit_rows


def table_embeddings(path: Path, names: Sequence[str]) -> npt.NDArray[np.float32]:
    """The embeddings of some pictures in a ``.npz`` file.

    Args:
        path: The file. ``path`` holds texts of shape (m,): paths of pictures below their folder, with forward slashes;
            one leading folder (``labelled/p1/0.png`` for ``p1/0.png``) is left out where that makes more of them match.
            ``descriptor`` holds floats of shape (m, t). They are scaled to length 1 and not centred.
        names: The pictures asked for.

    Returns:
        float32 of shape (n, t), rows of length 1, in the order of ``names``.

    Raises:
        DataError: The file is missing, damaged or has another shape, names a picture twice, or lacks pictures.
    """
    paths, descriptors = _read(path)
    positions = match_names(paths, names)
    missing = [name for name in names if name not in positions]
    if missing:
        raise DataError(
            f"the teacher {path} lacks {len(missing)} of {len(names)} pictures, first {missing[0]}. "
            "Its paths must be those of the pictures below their folder."
        )
    rows = descriptors[[positions[name] for name in names]].astype(np.float32)
    try:
        return unit_rows(rows)
    except DataError as error:
        raise DataError(
            f"the teacher {path} has a descriptor that is zero or not finite. Make the file again."
        ) from error


def match_names(paths: Sequence[str], names: Sequence[str]) -> dict[str, int]:
    """Where each path stands, without one leading folder if more of the names are then found.

    Args:
        paths: Paths of a table.
        names: Names to be looked for.

    Returns:
        Position of each path; of the paths in the leading folder that matches best, if one does better than none.
    """
    whole = {name: row for row, name in enumerate(paths)}
    wanted = set(names)
    found = sum(name in whole for name in wanted)
    if found == len(wanted):
        return whole
    heads = Counter(head for head, _, rest in (name.partition("/") for name in paths) if rest in wanted)
    if not heads or max(heads.values()) <= found:
        return whole
    best = heads.most_common(1)[0][0] + "/"
    return {name.removeprefix(best): row for row, name in enumerate(paths) if name.startswith(best)}


def _read(path: Path) -> tuple[list[str], npt.NDArray[Any]]:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as table:
            names, descriptors = table["path"], table["descriptor"]
    except KeyError as error:
        raise DataError(f"the teacher {path} must hold the arrays path and descriptor.") from error
    except (OSError, ValueError, EOFError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(f"the teacher {path} cannot be read as a .npz file ({first}). Make the file again.") from error
    fits = names.ndim == 1 and names.dtype.kind == "U" and descriptors.ndim == 2 and descriptors.dtype.kind == "f"
    if not fits or len(names) != len(descriptors) or descriptors.shape[1] < 2:
        raise DataError(
            f"the teacher {path} must hold texts of shape (m,) as path and floats of shape (m, t) as descriptor, not "
            f"{names.dtype} {names.shape} and {descriptors.dtype} {descriptors.shape}."
        )
    if len(set(names.tolist())) != len(names):
        twice = Counter(names.tolist()).most_common(1)[0][0]
        raise DataError(f"the teacher {path} names the picture {twice} more than once. Make the file again.")
    return names.tolist(), descriptors
