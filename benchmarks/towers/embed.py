"""A set of pictures embedded by a tower, int8 and float on the same crops; kept, so that it is done once."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from benchmarks.towers.acquire import UNREADABLE, Cutter, Taken
from benchmarks.towers.pictures import PictureSet
from edge_runtime.commands.console import say
from edge_runtime.errors import DataError, ImageError
from edge_runtime.files import sha256_bytes, sha256_file, write_bytes
from edge_runtime.images import Image, read_image
from edge_runtime.towers.preprocess import InputSpec, normalise, tower_pixels
from edge_runtime.towers.tower import Tower

Rows: TypeAlias = npt.NDArray[np.float32]

# Raised when the cutting or what is kept changes.
_VERSION = 1
_CHUNK = 64
_MEASURES = ("interocular_px", "sharpness", "turn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A tower to measure.

    Attributes:
        tower: The int8 file, loaded and tested.
        float_path: The ``.keras`` file that it came from; None if there is none.
    """

    tower: Tower
    float_path: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """What came of a set.

    Attributes:
        reasons: Why each picture would not be compared; ``""`` where it would.
        int8: float32 of shape (n, d); NaN where no face was found.
        float32: The same by the float tower; None if there is none.
        interocular_px: float32 of shape (n,), NaN where not known; so are the others.
        sharpness: See :class:`~benchmarks.towers.acquire.Taken`.
        turn: See there.
    """

    reasons: tuple[str, ...]
    int8: Rows
    float32: Rows | None
    interocular_px: Rows
    sharpness: Rows
    turn: Rows

    @property
    def acquired(self) -> npt.NDArray[np.bool_]:
        """Which pictures the device would compare."""
        return np.array([reason == "" for reason in self.reasons])

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """Which pictures have a face at all, good enough or not."""
        return np.asarray(np.isfinite(self.int8).all(axis=1))


def embed_set(
    pictures: PictureSet, subject: Subject, cutter: Cutter, *, way: str, cache: Path, force: bool = False
) -> Embedded:
    """Embed a set, or take what an earlier call kept.

    Args:
        pictures: The set.
        subject: The tower.
        cutter: Picture in, face out.
        way: What distinguishes the cutter from others: its kind, template and detector.
        cache: Folder for what is kept.
        force: Embed in any case.

    Raises:
        DataError: A picture is no face that can be cut.
        TowerError: The float tower cannot be loaded.
        WriteError: The cache cannot be written.
    """
    float_hash = sha256_file(subject.float_path) if subject.float_path else ""
    parts = (str(_VERSION), subject.tower.fingerprint, float_hash, pictures.digest, way)
    path = cache / f"{sha256_bytes(' '.join(parts).encode())}.npz"
    if not force and (kept := _read(path, len(pictures.paths))) is not None:
        say(f"{subject.tower.card.name}, {pictures.folder.name}: embedded already")
        return kept
    made = _embed(pictures, subject, cutter)
    _write(path, made)
    return made


def _embed(pictures: PictureSet, subject: Subject, cutter: Cutter) -> Embedded:
    tower = subject.tower
    predict = None if subject.float_path is None else float_tower(subject.float_path, tower.spec)
    count = len(pictures.paths)
    int8 = np.full((count, tower.embedding_length), np.nan, dtype=np.float32)
    floats = None if predict is None else np.full_like(int8, np.nan)
    measures = np.full((len(_MEASURES), count), np.nan, dtype=np.float32)
    reasons, waiting = [], dict[int, Image]()
    words = f"{tower.card.name}, {pictures.folder.name}"
    for at, picture in enumerate(tqdm(pictures.paths, desc=words, unit="picture", disable=None)):
        taken = _take(picture, cutter)
        reasons.append(taken.reason)
        measures[:, at] = [getattr(taken, name) for name in _MEASURES]
        if taken.crop_rgb is not None:
            int8[at] = tower.embed_one(taken.crop_rgb)
            waiting[at] = taken.crop_rgb
        if predict is not None and floats is not None and (len(waiting) == _CHUNK or (waiting and at == count - 1)):
            floats[list(waiting)] = predict(np.stack(list(waiting.values())))
        if len(waiting) == _CHUNK or at == count - 1:
            waiting.clear()
    return Embedded(reasons=tuple(reasons), int8=int8, float32=floats, **dict(zip(_MEASURES, measures, strict=True)))


def _take(picture: Path, cutter: Cutter) -> Taken:
    try:
        return cutter(read_image(picture))
    except ImageError:
        return Taken(reason=UNREADABLE)
    except DataError as error:
        raise DataError(f"{picture}: {error}") from error


def float_tower(path: Path, spec: InputSpec) -> Callable[[npt.NDArray[np.uint8]], Rows]:
    """A function that embeds crops, uint8 of shape (n, size, size, 3), by the float tower; float32 of shape (n, d)."""
    from train.keras_quietly import known_warnings, load_keras

    model = load_keras(path)
    if tuple(model.input_shape[1:]) != spec.shape:
        raise DataError(f"{path} takes {tuple(model.input_shape[1:])}, the tower file {spec.shape}: it is another's.")

    def embed(crops_rgb: npt.NDArray[np.uint8]) -> Rows:
        pixels = np.stack([tower_pixels(crop, spec) for crop in crops_rgb])
        # The last chunk is filled up, so that one shape is traced and no more.
        missing = max(0, _CHUNK - len(pixels))
        filled = np.pad(pixels, ((0, missing), (0, 0), (0, 0), (0, 0)))
        with known_warnings():
            rows = np.asarray(model.predict_on_batch(normalise(filled, spec)), dtype=np.float32)
        return rows[: len(pixels)].reshape(len(pixels), -1)

    return embed


def _write(path: Path, made: Embedded) -> None:
    stream = io.BytesIO()
    held = {name: getattr(made, name) for name in ("int8", *_MEASURES)}
    empty = np.empty((0, 0), dtype=np.float32)
    np.savez(stream, reasons=np.array(made.reasons), float32=empty if made.float32 is None else made.float32, **held)
    # Embeddings of faces are personal data: for their owner alone.
    write_bytes(path, stream.getvalue(), mode=0o600)


def _read(path: Path, count: int) -> Embedded | None:
    if not path.is_file():
        return None
    try:
        with open(path, "rb") as stream, np.load(stream) as file:
            held = {name: file[name] for name in ("reasons", "int8", "float32", *_MEASURES)}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        say(f"{path} is damaged: embedding anew")
        return None
    floats = held["float32"] if held["float32"].size else None
    if any(len(held[name]) != count for name in ("reasons", "int8", *_MEASURES)):
        return None
    return Embedded(
        reasons=tuple(str(reason) for reason in held["reasons"]),
        int8=held["int8"],
        float32=floats,
        **{name: held[name] for name in _MEASURES},
    )
