"""Near-duplicates: faces that are one picture saved again, reduced, brightened or cut out anew, or of one moment.

A perceptual hash finds the candidates, the correlation of the pictures at 32×32 decides: aligned faces are alike as
pictures go, so a hash alone would take strangers for one picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from train.data.fingerprints import near_pairs, perceptual_hashes, thumbprint

# Of 4,661 faces of 700 people, altered a little, 998 in 1000 lie within these limits of the unaltered one; no two
# people do.
MAX_DISTANCE = 8
MIN_CORRELATION = 0.965
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class NearFaces:
    """Pairs of near-duplicates, the surest first.

    Attributes:
        first: int64 of shape (m,), rows of the first set.
        second: int64 of shape (m,), rows of the second.
        correlation: float32 of shape (m,), 0 to 1.
    """

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    correlation: npt.NDArray[np.float32]


def near_faces(pixels: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8] | None = None) -> NearFaces:
    """The near-duplicates within a set, each pair once, or those between two sets.

    Args:
        pixels: uint8 of shape (n, size, size, 1 or 3), RGB.
        other: Another set, of any size; None looks within the first.
    """
    sets = [pixels] if other is None else [pixels, other]
    hashes = np.concatenate([perceptual_hashes(pictures) for pictures in sets])
    thumbs = np.stack([thumbprint(picture) for pictures in sets for picture in pictures])
    pairs = np.array([pair[:2] for pair in near_pairs(hashes, MAX_DISTANCE)], np.int64).reshape(-1, 2)
    if other is not None:
        pairs = pairs[(pairs[:, 0] < len(pixels)) & (pairs[:, 1] >= len(pixels))]
    correlation = np.zeros(len(pairs), np.float32)
    for start in range(0, len(pairs), _CHUNK):
        one, two = (thumbs[pairs[start : start + _CHUNK, side]].astype(np.float32) for side in range(2))
        correlation[start : start + _CHUNK] = np.einsum("ij,ij->i", one, two)
    rows = np.flatnonzero(correlation >= MIN_CORRELATION)
    rows = rows[np.argsort(-correlation[rows], kind="stable")]
    return NearFaces(
        first=pairs[rows, 0],
        second=pairs[rows, 1] - (0 if other is None else len(pixels)),
        correlation=np.minimum(correlation[rows], np.float32(1)),
    )
