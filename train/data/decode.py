"""From the files of a source to pixels of one size, in several threads."""

from __future__ import annotations

import hashlib
import itertools
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edge_runtime.commands.quiet import quiet_stderr
from edge_runtime.errors import DataError, ImageError
from edge_runtime.images import Image, decode_aloud
from edge_runtime.towers.preprocess import InputSpec, tower_pixels
from train.data.sources.source import Content, PictureSource

_CHUNK_PICTURES = 512
_CHUNK_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What became of the pictures of a source.

    Attributes:
        pixels: uint8 of shape (n, size, size, channels).
        positions: int64 of shape (n,): the entry of the source that each row is, in rising order.
        hashes: SHA-256 of each picture file (of the pixels, where pictures are no files of their own).
        skipped: Names of the pictures that could not be read, and why.
    """

    pixels: npt.NDArray[np.uint8]
    positions: npt.NDArray[np.int64]
    hashes: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]


def decode_into(pixels: npt.NDArray[np.uint8], source: PictureSource, spec: InputSpec) -> Decoded:
    """Decode all pictures of a source into an array that has a row for each.

    Args:
        pixels: uint8 of shape (entries, size, size, channels), written to; it may be a memory map.
        source: Where the pictures come from.
        spec: The tower's input.

    Returns:
        The first rows of ``pixels``, as many as pictures could be read, in the order of the source's entries.

    Raises:
        DataError: A face is not square or too small, or the source is damaged as a whole.
    """
    hashes: dict[int, str] = {}
    reasons: dict[int, str] = {}
    for position, outcome in _decoded(pixels, source, spec):
        if isinstance(outcome, ImageError):
            reasons[position] = str(outcome)
        else:
            hashes[position] = outcome
    kept = sorted(hashes)
    if len(kept) < len(pixels):
        for row, position in enumerate(kept):
            if row != position:
                pixels[row] = pixels[position]
    return Decoded(
        pixels=pixels[: len(kept)],
        positions=np.array(kept, dtype=np.int64),
        hashes=tuple(hashes[position] for position in kept),
        skipped=tuple((source.entries[position].name, reasons[position]) for position in sorted(reasons)),
    )


def _decoded(
    pixels: npt.NDArray[np.uint8], source: PictureSource, spec: InputSpec
) -> Iterator[tuple[int, str | ImageError]]:
    """Each picture's position with its hash, or why there are no pixels of it; a bar is shown on a terminal."""
    workers = min(8, os.cpu_count() or 1)
    threads = cv2.getNumThreads()
    # The pictures are the parallel work; OpenCV's own threads on small pictures would only get in the way.
    cv2.setNumThreads(1)
    bar = tqdm(
        total=len(source.entries), desc="decoding", unit="picture", disable=not sys.stderr.isatty(), file=sys.stderr
    )
    try:
        with bar, ThreadPoolExecutor(workers) as pool:
            for chunk in _chunks(source.read()):
                slices = [chunk[start::workers] for start in range(workers)]
                with quiet_stderr():
                    done = list(pool.map(lambda part: _decode_part(part, pixels, source, spec), slices))
                yield from itertools.chain.from_iterable(done)
                bar.update(len(chunk))
    finally:
        cv2.setNumThreads(threads)


def _chunks(contents: Iterator[tuple[int, Content]]) -> Iterator[list[tuple[int, Content]]]:
    """Groups of pictures, bounded in number and in bytes."""
    chunk: list[tuple[int, Content]] = []
    size = 0
    for position, content in contents:
        chunk.append((position, content))
        size += 0 if isinstance(content, ImageError) else len(content) if isinstance(content, bytes) else content.nbytes
        if len(chunk) == _CHUNK_PICTURES or size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _decode_part(
    part: list[tuple[int, Content]], pixels: npt.NDArray[np.uint8], source: PictureSource, spec: InputSpec
) -> list[tuple[int, str | ImageError]]:
    """Decode some pictures into their rows."""
    done: list[tuple[int, str | ImageError]] = []
    for position, content in part:
        try:
            pixels[position], digest = _decode_one(content, source, position, spec)
            done.append((position, digest))
        except ImageError as error:
            done.append((position, error))
    return done


def _decode_one(content: Content, source: PictureSource, position: int, spec: InputSpec) -> tuple[Image, str]:
    if isinstance(content, ImageError):
        raise content
    name = f"{source.entries[position].name} in {source.where}"
    image_rgb = decode_aloud(content, name=name) if isinstance(content, bytes) else content
    fit = fit_picture if source.kind == "pictures" else fit_crop
    digest = hashlib.sha256(content if isinstance(content, bytes) else content.tobytes()).hexdigest()
    return tower_pixels(fit(image_rgb, spec.size_px, name=name), spec), digest


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
    return fit_picture(crop_rgb, size_px, name=name)


def fit_picture(image_rgb: Image, size_px: int, *, name: str) -> Image:
    """Bring a picture of any shape to the tower's size: by area averaging if both sides shrink, else linearly.

    Args:
        image_rgb: uint8 of shape (height, width, 3).
        size_px: The side that the tower takes.
        name: What an error message would call it; there is none.
    """
    height, width = image_rgb.shape[:2]
    if height == width == size_px:
        return image_rgb
    way = cv2.INTER_AREA if min(height, width) >= size_px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image_rgb, (size_px, size_px), interpolation=way), dtype=np.uint8)
