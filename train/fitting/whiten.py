"""The embedding layer in closed form: within-person whitening of what goes into it.

Directions in which pictures of one person differ are shrunk, so that cosine similarity weighs what tells people apart.
Hatch, Kajarekar, Stolcke 2006, "Within-Class Covariance Normalization for SVM-based Speaker Recognition", Interspeech;
of the whitened directions those with the largest total variance are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError, UsageError
from train.keras_quietly import keras
from train.towers.oriented import mirror_order

Rows = npt.NDArray[np.float64]

# The covariance of so many features is 0.5 GB.
_MOST_FEATURES = 8192


def whiten_head(
    tower: Any, batches: Iterable[tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]], *, ridge: float
) -> int:
    """Replace the weights of a tower's embedding layer.

    Args:
        tower: A Keras model that ends in a dense layer without activation.
        batches: Normalised pictures, float32 of shape (n, size, size, channels), with whose they are, shape (n,).
        ridge: What is added to the within-person covariance, as a share of its mean variance: the less there is to
            estimate it from, the more.

    Returns:
        How many pictures there were.

    Raises:
        UsageError: The tower ends otherwise, or has too many features.
        DataError: Nobody has two pictures.
    """
    head = tower.layers[-1]
    if not isinstance(head, keras.layers.Dense) or head.activation is not keras.activations.linear:
        raise UsageError("schedule.whiten needs a tower that ends in its dense embedding layer.")
    count = int(head.kernel.shape[0])
    if count > _MOST_FEATURES:
        raise UsageError(
            f"schedule.whiten would need the covariance of {count} features; at most {_MOST_FEATURES}. Use: "
            "--set tower.head=average"
        )
    moments = _Moments(count, mirror_order(tower))
    features = keras.Model(tower.inputs[0], head.input)
    for pixels, labels in batches:
        moments.add(features(pixels, training=False).numpy(), labels)
    kernel, bias = _solve(moments, ridge, length=int(head.kernel.shape[1]))
    head.set_weights([kernel.astype(np.float32), bias.astype(np.float32)])
    return moments.pictures


class _Moments:
    """Sums over the features of all pictures and of each person's."""

    def __init__(self, features: int, mirror: npt.NDArray[np.int64] | None) -> None:
        self.mirror = mirror
        self.pictures = 0
        self.squares: Rows = np.zeros((features, features))
        self.sums: dict[int, Rows] = {}
        self.counts: dict[int, int] = {}

    def add(self, features: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> None:
        rows = features.astype(np.float64)
        if self.mirror is not None:
            # A face and its mirror image are to have one embedding.
            rows = (rows + rows[:, self.mirror]) / 2
        self.pictures += len(rows)
        self.squares += rows.T @ rows
        for person in np.unique(labels).tolist():
            mine = rows[labels == person]
            self.sums[person] = self.sums.get(person, 0.0) + mine.sum(axis=0)
            self.counts[person] = self.counts.get(person, 0) + len(mine)


def _solve(moments: _Moments, ridge: float, *, length: int) -> tuple[Rows, Rows]:
    """Kernel of shape (features, length) and bias of shape (length,) of the whitening."""
    if moments.pictures <= len(moments.counts):
        raise DataError("schedule.whiten needs people with several pictures, but nobody has two. Add pictures.")
    mean = sum(moments.sums.values()) / moments.pictures
    people = np.stack([moments.sums[person] / np.sqrt(moments.counts[person]) for person in moments.counts])
    within = (moments.squares - people.T @ people) / moments.pictures
    total = moments.squares / moments.pictures - np.outer(mean, mean)
    within += np.eye(len(within)) * ridge * np.trace(within) / len(within)
    white = np.linalg.inv(np.linalg.cholesky(within)).T
    _, directions = np.linalg.eigh(white.T @ total @ white)
    # The largest variance comes last.
    kernel = white @ directions[:, ::-1][:, :length]
    kernel = np.pad(kernel, ((0, 0), (0, length - kernel.shape[1])))
    if moments.mirror is not None:
        kernel = (kernel + kernel[moments.mirror]) / 2
    kernel = _on_int8_grid(kernel)
    return kernel, -mean @ kernel


def _on_int8_grid(kernel: Rows) -> Rows:
    """Round each column to the 255 values that int8 has for it.

    The features are far from zero on average, and rounding a column afterwards would shift every embedding by what the
    rounding makes of that average. Rounded first, the bias takes it back.
    """
    step = np.maximum(np.abs(kernel).max(axis=0), 1e-30) / 127
    return np.rint(kernel / step) * step
