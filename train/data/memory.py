"""Pictures decoded once: small sets in memory, large ones in a memory-mapped file of the cache folder."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError, WriteError
from edge_runtime.faces.align import template_values
from edge_runtime.files import read_json, sha256_bytes, sha256_file, write_json
from edge_runtime.home import cache_folder
from edge_runtime.towers.preprocess import InputSpec
from train.data.decode import Decoded, decode_into
from train.data.sources.source import PictureSource

_log = logging.getLogger(__name__)

IN_MEMORY_BYTES = 64 << 20
_FORMAT = 1


def decode(source: PictureSource, spec: InputSpec, *, in_memory_bytes: int = IN_MEMORY_BYTES) -> Decoded:
    """Decode a source, or find it decoded in the cache.

    Args:
        source: Where the pictures come from.
        spec: The tower's input; its scale and offset play no part.
        in_memory_bytes: A set whose pixels take less stays in memory and is not cached.

    Raises:
        DataError: The pictures cannot be used.
        WriteError: The cache folder cannot be written.
    """
    shape = (len(source.entries), *spec.shape)
    size = int(np.prod(shape, dtype=np.int64))
    if size < in_memory_bytes:
        return decode_into(np.empty(shape, dtype=np.uint8), source, spec)
    path = picture_cache() / f"{_key(source, spec)}.npy"
    return _held(path, source, shape) or _make(path, source, spec, shape)


def picture_cache() -> Path:
    """Where decoded pictures are kept; the folder may be removed at any time."""
    return cache_folder() / "pictures"


def _key(source: PictureSource, spec: InputSpec) -> str:
    template = None if source.template is None else template_values(source.template)
    what = [_FORMAT, cv2.__version__, source.fingerprint(), source.kind, spec.size_px, spec.colour, template]
    return sha256_bytes(json.dumps(what).encode())[:32]


def _held(path: Path, source: PictureSource, shape: tuple[int, ...]) -> Decoded | None:
    """What the cache holds; None if it holds nothing, or something damaged."""
    notes = path.with_suffix(".json")
    if not (path.is_file() and notes.is_file()):
        return None
    try:
        about = read_json(notes, what="the notes of a cache of pictures")
        positions, hashes, skipped = _read_notes(about, source)
        if sha256_file(path) != about["sha256"]:
            raise ValueError("its content is not what was written")
        pixels = np.load(path, mmap_mode="r", allow_pickle=False)
        if pixels.shape != shape or pixels.dtype != np.uint8:
            raise ValueError(f"it holds {pixels.dtype} {pixels.shape}")
    except (DataError, OSError, KeyError, TypeError, ValueError) as error:
        _log.warning("the decoded pictures in %s are damaged (%s); decoding again", path, error)
        return None
    _log.info("using the pictures that were decoded before: %s", path)
    return Decoded(pixels=pixels[: len(positions)], positions=positions, hashes=hashes, skipped=skipped)


def _read_notes(
    about: dict[str, Any], source: PictureSource
) -> tuple[npt.NDArray[np.int64], tuple[str, ...], tuple[tuple[str, str], ...]]:
    where = {entry.name: position for position, entry in enumerate(source.entries)}
    positions = np.array([where[name] for name in about["names"]], dtype=np.int64)
    hashes = tuple(str(digest) for digest in about["hashes"])
    if len(hashes) != len(positions):
        raise ValueError("its notes do not fit together")
    return positions, hashes, tuple((str(name), str(reason)) for name, reason in about["skipped"])


def _make(path: Path, source: PictureSource, spec: InputSpec, shape: tuple[int, ...]) -> Decoded:
    """Write the pixels and their notes; the notes, without which the pixels count for nothing, come last."""
    with _new_array(path, shape) as (pixels, part):
        made = decode_into(pixels, source, spec)
        pixels.flush()
        digest = sha256_file(part)
    names = [source.entries[position].name for position in made.positions.tolist()]
    about = {
        "source": source.where,
        "names": names,
        "hashes": list(made.hashes),
        "skipped": [list(item) for item in made.skipped],
        "sha256": digest,
    }
    write_json(path.with_suffix(".json"), about)
    _log.info("decoded %d pictures into %s (%d MiB)", len(names), path, int(np.prod(shape)) >> 20)
    return replace(made, pixels=np.load(path, mmap_mode="r", allow_pickle=False)[: len(names)])


@contextlib.contextmanager
def _new_array(path: Path, shape: tuple[int, ...]) -> Iterator[tuple[np.memmap[Any, np.dtype[np.uint8]], Path]]:
    """A writable memory map beside the target, which takes the target's name when the block ends without an error.

    Raises:
        WriteError: There is no room, or the folder cannot be written.
    """
    part: Path | None = None
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
            os.close(handle)
            part = Path(name)
            path.with_suffix(".json").unlink(missing_ok=True)
            pixels = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=shape)
            _reserve(part)
        except OSError as error:
            raise WriteError(
                f"cannot keep {int(np.prod(shape)) >> 20} MiB of decoded pictures in {path.parent}: "
                f"{error.strerror or error}. Free some space, or choose another folder with SIAMLITE_CACHE=DIR"
            ) from error
        yield pixels, part
        os.replace(part, path)
        part = None
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def _reserve(path: Path) -> None:
    """Take the room on the disk now: a memory map that finds the disk full later ends the process without a word."""
    if hasattr(os, "posix_fallocate"):
        with open(path, "r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, path.stat().st_size)
