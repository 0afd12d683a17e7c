"""What a teacher makes of the pictures that a student is trained on: computed once, then read from a cache."""

from __future__ import annotations

import io
import logging
import sys
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edge_runtime.errors import DataError, UsageError
from edge_runtime.faces.align import AlignmentTemplate
from edge_runtime.files import sha256_bytes, sha256_file, write_bytes
from edge_runtime.measures.metrics import unit_rows
from edge_runtime.people import FACES_MARK
from train.config import TeacherConfig
from train.data.faces import FaceSet, load_faces
from train.losses.teacher_table import table_embeddings
from train.measure.evaluate import LoadedTower, load_tower
from train.towers.beside import ALIGNMENT, ORIGIN

_log = logging.getLogger(__name__)

Rows = npt.NDArray[np.float32]
_CHUNK = 256


def teacher_embeddings(teacher: TeacherConfig, folder: Path, faces: FaceSet, cache: Path) -> Rows:
    """The teacher's embeddings of some faces.

    Args:
        teacher: ``path`` is a run folder, a ``.keras`` file with what describes it beside it, a ``.tflite`` tower, or
            a ``.npz`` file of embeddings (:func:`train.losses.teacher_table.table_embeddings`). A tower sees the
            pictures at its own size and in its own colours, which need not be the student's; with ``faces`` it sees
            those of another folder by the same names, which may be cut in another way.
        folder: The folder that the faces were read from.
        faces: The faces; the rows of the result are in their order.
        cache: Folder where a tower's embeddings are kept, under a hash of the tower, the pictures and their order.

    Returns:
        float32 of shape (n, t), rows of length 1.

    Raises:
        UsageError: ``path`` is no teacher.
        DataError: The teacher lacks a picture, or its pictures are too small or aligned in another way.
        TowerError: The tower must not be used.
    """
    path = Path(teacher.path)
    if path.suffix == ".npz":
        return table_embeddings(path, faces.names)
    folder = Path(teacher.faces) if teacher.faces else folder
    kept = cache / f"{_key(path, faces, folder if teacher.faces else None)}.npz"
    rows = _read_kept(kept, len(faces.names))
    if rows is None:
        rows = _embed(load_tower(path), folder, faces)
        data = io.BytesIO()
        np.savez(data, embeddings=rows)
        write_bytes(kept, data.getvalue())
    return rows


def _key(path: Path, faces: FaceSet, own: Path | None) -> str:
    """A hash of all that the embeddings depend on; ``own`` is the teacher's folder where it is not the student's."""
    tower = path / "tower.keras" if path.is_dir() else path
    if not tower.is_file():
        raise UsageError(
            f"the teacher {path} is no tower. Give teacher.path a finished run folder, a .keras, .tflite or .npz file."
        )
    # The input that a .keras tower takes stands beside it, and how its faces are cut.
    beside = [tower.parent / name for name in ("config.json", ORIGIN, ALIGNMENT)] if tower.suffix == ".keras" else []
    settings = "".join(sha256_file(file) for file in beside if file.is_file())
    seen = "" if own is None else _sha256_of(own, faces.names)
    return sha256_bytes("\n".join([sha256_file(tower), settings + seen, faces.sha256, *faces.names]).encode())


def _sha256_of(folder: Path, names: Sequence[str]) -> str:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise DataError(
            f"teacher.faces {folder} lacks {len(missing)} of {len(names)} pictures, first {missing[0]}. Cut the same "
            "faces for the teacher: python -m train recut FACES --out FOLDER --align NAME"
        )
    mark = folder / FACES_MARK
    files = [*([mark] if mark.is_file() else []), *(folder / name for name in names)]
    return sha256_bytes("".join(sha256_file(file) for file in files).encode())


def _read_kept(path: Path, count: int) -> Rows | None:
    """Embeddings from the cache; None where there are none, or none that can be used."""
    if not path.exists():
        return None
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as kept:
            rows = kept["embeddings"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        _log.warning("the cached embeddings %s are damaged (%s) and are made again", path, error)
        return None
    if rows.dtype != np.float32 or rows.ndim != 2 or len(rows) != count or not np.isfinite(rows).all():
        _log.warning("the cached embeddings %s are not what they should be and are made again", path)
        return None
    return np.asarray(rows, dtype=np.float32)


def _aligned_alike(first: AlignmentTemplate | None, second: AlignmentTemplate | None) -> bool:
    """Whether pictures of one alignment can be shown to a tower of another; None is for pictures that are no faces."""
    if first is None or second is None:
        return first is second
    return first.aligns_like(second)


def _embed(tower: LoadedTower, folder: Path, faces: FaceSet) -> Rows:
    """Read the pictures again as the teacher takes them, and embed them a chunk at a time."""
    seen = load_faces(folder, tower.colours)
    if not _aligned_alike(seen.template, tower.template):
        names = [template.name if template else "none" for template in (seen.template, tower.template)]
        raise DataError(
            f"{folder} is aligned by the template {names[0]!r}, the teacher {tower.name} by {names[1]!r}. Choose a "
            "teacher of the same alignment, or give its embeddings as a .npz file."
        )
    positions = {name: row for row, name in enumerate(seen.names)}
    missing = [name for name in faces.names if name not in positions]
    if missing:
        raise DataError(f"the teacher cannot read {len(missing)} of the pictures in {folder}, first {missing[0]}.")
    rows = np.array([positions[name] for name in faces.names])
    starts = range(0, len(rows), _CHUNK)
    terminal = sys.stderr.isatty()
    bar = tqdm(starts, desc="asking the teacher", unit="chunk", disable=not terminal, file=sys.stderr)
    return unit_rows(np.concatenate([tower.embed(seen.pixels[rows[start : start + _CHUNK]]) for start in bar]))
