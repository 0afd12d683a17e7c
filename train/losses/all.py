"""Losses on a batch of labelled embeddings: every pair or triplet that the batch holds, through one tower pass.

All take integer labels of shape (n,) and raw embeddings of shape (n, d), which they scale to length 1 themselves: the
tower's graph stays free of L2 normalisation, which would spoil its quantization.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edge_runtime.errors import UsageError
from train.config import LossConfig
from train.keras_quietly import keras, tf


def unit(embeddings: Any) -> Any:
    """Embeddings of shape (..., d) scaled to length 1."""
    return tf.math.l2_normalize(embeddings, axis=-1, epsilon=1e-12)


def squared_distances(embeddings: Any) -> Any:
    """Squared Euclidean distances of unit embeddings: 2 − 2 cos, from 0 to 4.

    Args:
        embeddings: float32 of shape (n, d), of any length but zero.

    Returns:
        float32 of shape (n, n).
    """
    rows = unit(embeddings)
    return tf.maximum(2.0 - 2.0 * tf.matmul(rows, rows, transpose_b=True), 0.0)


def pair_contrastive(same: Any, squared: Any, margin: float) -> Any:
    """Contrastive loss of pairs: D² where they are one person, max(0, margin − D)² where they are not.

    Hadsell, Chopra, LeCun 2006, "Dimensionality Reduction by Learning an Invariant Mapping", without its factor ½.

    Args:
        same: float32 of any shape, 1 for one person and 0 for two.
        squared: Squared distances of the same shape.
        margin: Distance from which two people are far enough apart.
    """
    # The root has no slope at 0, so it is kept a little away from it.
    apart = tf.maximum(margin - tf.sqrt(tf.maximum(squared, 1e-12)), 0.0)
    return same * squared + (1.0 - same) * tf.square(apart)


class Contrastive(keras.losses.Loss):
    """Contrastive loss over all pairs of a batch (:func:`pair_contrastive`).

    The mean over genuine pairs and the mean over impostor pairs weigh the same, however many of each a batch holds.
    """

    def __init__(self, margin: float = 1.0, name: str = "contrastive") -> None:
        """Set the margin: a Euclidean distance of unit vectors, 0 to 2."""
        super().__init__(name=name, reduction=None)
        self.margin = margin

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Loss of a batch.

        Args:
            y_true: Integer labels of shape (n,) or (n, 1).
            y_pred: Raw embeddings of shape (n, d).

        Returns:
            float32 scalar.
        """
        genuine, impostor = pair_masks(y_true)
        losses = pair_contrastive(genuine, squared_distances(y_pred), self.margin)
        return 0.5 * (_mean(losses, genuine) + _mean(losses, impostor))

    def get_config(self) -> dict[str, Any]:
        """What it takes to build it again."""
        return {"margin": self.margin, "name": self.name}


class TripletSemiHard(keras.losses.Loss):
    """Triplet loss with semi-hard negatives mined in the batch.

    Schroff, Kalenichenko, Philbin 2015, "FaceNet", arXiv:1503.03832: for every anchor and positive, the negative is the
    nearest one that is farther than the positive; where no negative is, it is the farthest there is. The loss is the
    mean over all anchors and positives of max(0, D²(a, p) − D²(a, n) + margin).
    """

    def __init__(self, margin: float = 0.2, name: str = "triplet") -> None:
        """Set the margin: a squared Euclidean distance of unit vectors, 0 to 4."""
        super().__init__(name=name, reduction=None)
        self.margin = margin

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Loss of a batch (arguments and result as of :class:`Contrastive`)."""
        squared = squared_distances(y_pred)
        genuine, impostor = pair_masks(y_true)
        to_positive, to_negative = squared[:, :, None], squared[:, None, :]
        farther = tf.logical_and(impostor[:, None, :] > 0, to_negative > to_positive)
        nearest_farther = tf.reduce_min(tf.where(farther, to_negative, 5.0), axis=2)
        farthest = tf.reduce_max(tf.where(impostor > 0, squared, -1.0), axis=1, keepdims=True)
        negative = tf.where(tf.reduce_any(farther, axis=2), nearest_farther, farthest)
        usable = genuine * tf.cast(farthest >= 0, genuine.dtype)
        return _mean(tf.maximum(squared - negative + self.margin, 0.0), usable)

    def get_config(self) -> dict[str, Any]:
        """What it takes to build it again."""
        return {"margin": self.margin, "name": self.name}


def pair_masks(labels: Any) -> tuple[Any, Any]:
    """Which pairs of a batch are genuine and which are impostor pairs; none is paired with itself.

    Args:
        labels: Integers of shape (n,) or (n, 1).

    Returns:
        Two float32 arrays of shape (n, n) of 0 and 1.
    """
    flat = tf.reshape(tf.cast(labels, tf.int64), [-1])
    same = tf.equal(flat[:, None], flat[None, :])
    others = tf.logical_not(tf.eye(tf.shape(flat)[0], dtype=tf.bool))
    return tf.cast(tf.logical_and(same, others), tf.float32), tf.cast(tf.logical_not(same), tf.float32)


def _mean(values: Any, mask: Any) -> Any:
    """Mean of the values under a mask; 0 where the mask is empty."""
    return tf.math.divide_no_nan(tf.reduce_sum(values * mask), tf.reduce_sum(mask))


LOSSES: dict[str, Callable[..., Any]] = {"contrastive": Contrastive, "triplet": TripletSemiHard}


def build_loss(config: LossConfig) -> Any:
    """The loss of a recipe.

    Raises:
        UsageError: It is unknown.
    """
    if config.name not in LOSSES:
        raise UsageError(f"unknown loss {config.name!r}; known are {', '.join(LOSSES)}. Use: --set loss.name=…")
    return LOSSES[config.name](**({} if config.margin is None else {"margin": config.margin}))
