"""Revocable templates: a keyed rotation, which leaves every cosine as it is and tells a thief nothing.

Embeddings are stored multiplied by a secret orthogonal matrix, and probes are multiplied by the same matrix before they
are compared. Inner products do not change, so neither do decisions; without the key a stored template can be
compared with nothing, and after another matrix was drawn a copy that was stolen before is worthless.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

_LABEL = b"siamlite rotation 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """An orthogonal matrix, or none.

    Attributes:
        matrix: float32 of shape (d, d); None leaves everything as it is.
    """

    matrix: npt.NDArray[np.float32] | None = field(repr=False)

    def apply(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Take embeddings of the tower's space to the protected one.

        Args:
            rows: float32 of shape (d,) or (n, d), of length 1.

        Returns:
            float32 of the same shape, in C order.
        """
        return rows if self.matrix is None else np.ascontiguousarray(rows @ self.matrix)

    def undo(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The inverse of :meth:`apply`."""
        return rows if self.matrix is None else np.ascontiguousarray(rows @ self.matrix.T)


UNROTATED = Rotation(matrix=None)


def rotation_from_seed(seed: bytes, length: int) -> Rotation:
    """The rotation that a secret seed stands for: an orthogonal matrix drawn evenly from all of them.

    The QR decomposition of a matrix of independent Gaussians, with the signs of R's diagonal made positive, is
    distributed by the Haar measure (Mezzadri 2007, Notices of the AMS 54(5)). The Gaussians come from SHAKE-256 of
    the seed by way of Box and Muller, in float64, so that the same seed gives the same rotation on every machine up to
    the last digits of its arithmetic.

    Args:
        seed: 32 secret bytes.
        length: d, the length of the embeddings.
    """
    pairs = (length * length + 1) // 2
    stream = hashlib.shake_256(_LABEL + length.to_bytes(4, "big") + seed).digest(16 * pairs)
    # 53 bits each, in the middle of their intervals: never 0, whose logarithm would be infinite.
    uniform = ((np.frombuffer(stream, dtype="<u8") >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    radius, angle = np.sqrt(-2.0 * np.log(uniform[:pairs])), 2.0 * np.pi * uniform[pairs:]
    gaussian = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[: length * length]
    q, r = np.linalg.qr(gaussian.reshape(length, length))
    signs = np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return Rotation(matrix=np.ascontiguousarray(q * signs, dtype=np.float32))
