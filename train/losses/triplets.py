"""Triplet losses: an anchor, a picture of the same person, and one of somebody else.

All take the distances of every embedding of a batch from every other and whose each is; the loss of a triplet is
max(0, D(a, p) − D(a, n) + margin). Semi-hard mining and all triplets hold arrays of n³ values: 4 MB each for a batch of
100 pictures, 500 MB for one of 500.
"""

from __future__ import annotations

from typing import Any

from train.heads.distances import distance_matrix, unit
from train.keras_quietly import keras, tf


def pair_masks(labels: Any) -> tuple[Any, Any]:
    """Which pairs of a batch are genuine and which are impostor pairs; none is paired with itself.

    Args:
        labels: Integers of shape (n,).

    Returns:
        Two bool arrays of shape (n, n).
    """
    same = tf.equal(labels[:, None], labels[None, :])
    others = tf.logical_not(tf.eye(tf.shape(labels)[0], dtype=tf.bool))
    return tf.logical_and(same, others), tf.logical_not(same)


def batch_all(distances: Any, labels: Any, margin: float) -> Any:
    """Mean over all triplets of the batch whose loss is not 0.

    Hermans, Beyer, Leibe 2017, "In Defense of the Triplet Loss for Person Re-Identification", arXiv:1703.07737: the
    many triplets that are right already would dilute the mean.

    Args:
        distances: float32 of shape (n, n).
        labels: Integers of shape (n,).
        margin: In the unit of the distances.

    Returns:
        float32 scalar; 0 where no triplet is wrong.
    """
    genuine, impostor = pair_masks(labels)
    valid = tf.logical_and(genuine[:, :, None], impostor[:, None, :])
    losses = tf.maximum(distances[:, :, None] - distances[:, None, :] + margin, 0.0)
    return _mean(losses, tf.logical_and(valid, losses > 0))


def batch_hard(distances: Any, labels: Any, margin: float) -> Any:
    """Mean over anchors of the loss with their farthest genuine and their nearest impostor picture.

    Hermans, Beyer, Leibe 2017, arXiv:1703.07737. Anchors that lack either are left out.

    Args:
        distances: float32 of shape (n, n).
        labels: Integers of shape (n,).
        margin: In the unit of the distances.

    Returns:
        float32 scalar; 0 where no anchor has both.
    """
    genuine, impostor = pair_masks(labels)
    farthest = tf.reduce_max(tf.where(genuine, distances, distances.dtype.min), axis=1)
    nearest = tf.reduce_min(tf.where(impostor, distances, distances.dtype.max), axis=1)
    usable = tf.logical_and(tf.reduce_any(genuine, axis=1), tf.reduce_any(impostor, axis=1))
    gap = tf.where(usable, farthest, 0.0) - tf.where(usable, nearest, 0.0)
    return _mean(tf.maximum(gap + margin, 0.0), usable)


def semi_hard(distances: Any, labels: Any, margin: float) -> Any:
    """Mean over anchors and positives of the loss with a semi-hard negative.

    Schroff, Kalenichenko, Philbin 2015, "FaceNet", arXiv:1503.03832: for every anchor and positive, the negative is the
    nearest one that is farther than the positive; where no negative is, it is the farthest there is.

    Args:
        distances: float32 of shape (n, n).
        labels: Integers of shape (n,).
        margin: In the unit of the distances.

    Returns:
        float32 scalar; 0 where there is no triplet.
    """
    genuine, impostor = pair_masks(labels)
    to_positive, to_negative = distances[:, :, None], distances[:, None, :]
    farther = tf.logical_and(impostor[:, None, :], to_negative > to_positive)
    nearest_farther = tf.reduce_min(tf.where(farther, to_negative, distances.dtype.max), axis=2)
    farthest = tf.reduce_max(tf.where(impostor, distances, distances.dtype.min), axis=1, keepdims=True)
    negative = tf.where(tf.reduce_any(farther, axis=2), nearest_farther, farthest)
    usable = tf.logical_and(genuine, tf.reduce_any(impostor, axis=1, keepdims=True))
    gap = distances - tf.where(usable, negative, 0.0)
    return _mean(tf.maximum(gap + margin, 0.0), usable)


def _mean(values: Any, mask: Any) -> Any:
    """Mean of the values under a bool mask; 0 where it is empty."""
    count = tf.reduce_sum(tf.cast(mask, tf.float32))
    return tf.math.divide_no_nan(tf.reduce_sum(tf.where(mask, values, 0.0)), count)


MININGS = {"semi-hard": semi_hard, "hard": batch_hard, "all": batch_all}


class Triplet(keras.layers.Layer):
    """A triplet loss on a batch.

    Attributes:
        margin: In the unit of the distance.
        mining: ``"semi-hard"``, ``"hard"`` or ``"all"``.
        distance: Distance of two embeddings.
        normalise: Whether embeddings are scaled to length 1 first.
    """

    def __init__(self, *, margin: float, mining: str, distance: str, normalise: bool) -> None:
        super().__init__(dtype="float32", name="triplet")
        self.margin = margin
        self.mining = mining
        self.distance = distance
        self.normalise = normalise

    def call(self, embeddings: Any, labels: Any) -> Any:
        """Loss of a batch.

        Args:
            embeddings: Raw float32 embeddings of shape (n, d).
            labels: int64 of shape (n,).

        Returns:
            float32 scalar.
        """
        rows = unit(embeddings) if self.normalise else embeddings
        return MININGS[self.mining](distance_matrix(rows, self.distance), labels, self.margin)
