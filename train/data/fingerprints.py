"""Perceptual hashes: 64 bits that stay nearly the same when a picture is re-encoded or resized."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.errors import UsageError

HASH_BITS = 64
_SIDE_PX = 32
_LOW = 8
# Rows of one block of distances: 1024 × 40,000 float32 are 160 MB at most, and as a rule far less.
_BLOCK = 1024


def perceptual_hash(picture: npt.NDArray[np.uint8]) -> int:
    """Hash of the low frequencies of one picture.

    The picture is made grey and reduced to 32 × 32 by area averaging. Of its discrete cosine transform the 8 × 8 lowest
    frequencies but the constant are kept (with the one that follows them on the diagonal, to make 64), and each bit
    says whether a coefficient lies above their median (Zauner 2010, "Implementation and benchmarking of perceptual
    image hash functions", section 3.2.1).

    Args:
        picture: uint8 of shape (h, w), (h, w, 1) or (h, w, 3), RGB.

    Returns:
        The hash, 0 to 2**64 - 1. Pictures of one flat colour all have hash 0.

    Raises:
        UsageError: The shape is another one, or a side is zero.
    """
    waves = cv2.dct(_small_grey(picture))
    kept = np.append(waves[:_LOW, :_LOW].ravel()[1:], waves[_LOW, _LOW])
    # What is left of rounding in a flat picture is no pattern.
    kept[np.abs(kept) < 1e-2] = 0
    bits = kept > np.median(kept)
    return int(np.packbits(bits).view(">u8")[0])


def thumbprint(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float16]:
    """The 32 × 32 grey picture behind the hash, at mean 0 and length 1, to confirm that near hashes are of one picture.

    Two photographs of one person in one place can differ in 2 bits of the hash alone. Over the AT&T faces the dot
    product of two photographs is 0.987 at most, and that of a photograph and its copy at JPEG quality 20 or half the
    size 0.995 at least.

    Args:
        picture: See :func:`perceptual_hash`.

    Returns:
        float16 of shape (1024,); all zero for a picture of one flat colour, which is therefore like none.

    Raises:
        UsageError: The shape is no picture's.
    """
    small = _small_grey(picture).ravel()
    small -= small.mean()
    length = float(np.linalg.norm(small))
    # What is left of rounding in a flat picture is no pattern.
    return (small / length if length > 1e-2 else np.zeros_like(small)).astype(np.float16)


def _small_grey(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    if picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[2] not in (1, 3)) or not picture.size:
        raise UsageError(f"a picture is uint8 of shape (h, w), (h, w, 1) or (h, w, 3), not {picture.shape}.")
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) if picture.ndim == 3 and picture.shape[2] == 3 else picture
    grey = np.ascontiguousarray(grey.reshape(grey.shape[:2]), dtype=np.float32)
    return np.asarray(cv2.resize(grey, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA), dtype=np.float32)


def perceptual_hashes(pictures: Iterable[npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint64]:
    """Hashes of many pictures (see :func:`perceptual_hash`).

    Args:
        pictures: Pictures of any sizes, or one array of shape (n, h, w, c). A generator is read one at a time.

    Returns:
        uint64 of shape (n,).

    Raises:
        UsageError: One of them has no picture's shape.
    """
    return np.fromiter((perceptual_hash(picture) for picture in pictures), dtype=np.uint64)


def near_pairs(hashes: npt.NDArray[np.uint64], limit: int) -> list[tuple[int, int, int]]:
    """All pairs of hashes that differ in few bits.

    Distances are matrix products of bits written as ±1, in blocks of rows: 40,000 hashes are 800 million pairs.

    Args:
        hashes: uint64 of shape (n,).
        limit: Most bits that may differ, 0 to 64.

    Returns:
        (i, j, distance in bits) with i < j, in that order.

    Raises:
        UsageError: The limit is not between 0 and 64.
    """
    if not 0 <= limit <= HASH_BITS:
        raise UsageError(f"hashes differ in 0 to {HASH_BITS} bits; a limit of {limit} makes no sense.")
    signs = _signs(np.asarray(hashes, dtype=np.uint64))
    found: list[tuple[int, int, int]] = []
    for start in range(0, len(signs), _BLOCK):
        # Exact in float32: the products are whole numbers of 64 at most.
        products = signs[start : start + _BLOCK] @ signs[start:].T
        rows, columns = np.nonzero(products >= HASH_BITS - 2 * limit)
        later = columns > rows
        rows, columns = rows[later], columns[later]
        distances = ((HASH_BITS - products[rows, columns]) / 2).astype(int)
        found += zip((rows + start).tolist(), (columns + start).tolist(), distances.tolist(), strict=True)
    return found


def _signs(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.float32]:
    """Bits as +1 and -1: float32 of shape (n, 64)."""
    octets = hashes.astype(">u8").view(np.uint8).reshape(-1, 8)
    return np.unpackbits(octets, axis=1).astype(np.float32) * 2 - 1
