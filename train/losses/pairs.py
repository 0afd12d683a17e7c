"""Losses on pairs of embeddings: contrastive, and cross-entropy of a learned "one person or two"."""

from __future__ import annotations

from typing import Any

from train.heads.distances import distance_matrix, pair_distances, pair_features, same_person_layer, unit
from train.keras_quietly import keras, tf


def all_pairs(labels: Any) -> Any:
    """Every pair of a batch once.

    Args:
        labels: Integers of shape (n,).

    Returns:
        int64 of shape (n(n − 1)/2, 2): row numbers, the smaller first.
    """
    count = tf.shape(labels)[0]
    rows = tf.range(count)
    return tf.where(rows[:, None] < rows[None, :])


def given_pairs(labels: Any) -> Any:
    """Rows 2i and 2i + 1 of a batch as pairs.

    Args:
        labels: Integers of shape (n,).

    Returns:
        int64 of shape (n // 2, 2).
    """
    return tf.reshape(tf.range(tf.shape(labels, out_type=tf.int64)[0] // 2 * 2), [-1, 2])


def contrastive(same: Any, distances: Any, margin: float) -> Any:
    """Contrastive loss of pairs: D² where they are one person, max(0, margin − D)² where they are not.

    Hadsell, Chopra, LeCun 2006, "Dimensionality Reduction by Learning an Invariant Mapping", without its factor ½.

    Args:
        same: float32 of any shape, 1 for one person and 0 for two.
        distances: D, of the same shape, 0 or more.
        margin: Distance from which two people are far enough apart.

    Returns:
        float32 of that shape.
    """
    return same * tf.square(distances) + (1.0 - same) * tf.square(tf.maximum(margin - distances, 0.0))


def mean_of_pairs(losses: Any, same: Any, *, balanced: bool) -> Any:
    """Mean loss of some pairs; 0 where there are none.

    Args:
        losses: float32 of shape (m,).
        same: float32 of shape (m,), 1 for one person and 0 for two.
        balanced: Whether the genuine pairs weigh as much as the impostor pairs, however many there are of each:
            half the mean of the ones and half the mean of the others. A plain mean otherwise.
    """
    if not balanced:
        return _mean(losses, tf.ones_like(losses))
    return 0.5 * (_mean(losses, same) + _mean(losses, 1.0 - same))


def _mean(values: Any, mask: Any) -> Any:
    return tf.math.divide_no_nan(tf.reduce_sum(values * mask), tf.reduce_sum(mask))


class PairLoss(keras.layers.Layer):
    """A loss on the pairs of a batch.

    Attributes:
        distance: Distance of two embeddings.
        normalise: Whether embeddings are scaled to length 1 first.
        given: Whether rows 2i and 2i + 1 are the pairs (their plain mean is the loss), or all pairs of the batch count
            (genuine and impostor pairs then weigh the same).
    """

    def __init__(self, *, distance: str, normalise: bool, given: bool, name: str) -> None:
        super().__init__(dtype="float32", name=name)
        self.distance = distance
        self.normalise = normalise
        self.given = given

    def call(self, embeddings: Any, labels: Any) -> Any:
        """Loss of a batch.

        Args:
            embeddings: Raw float32 embeddings of shape (n, d).
            labels: int64 of shape (n,).

        Returns:
            float32 scalar.
        """
        pairs = given_pairs(labels) if self.given else all_pairs(labels)
        rows = unit(embeddings) if self.normalise else embeddings
        left, right = tf.gather(labels, pairs[:, 0]), tf.gather(labels, pairs[:, 1])
        same = tf.cast(tf.equal(left, right), tf.float32)
        return mean_of_pairs(self.losses_of(rows, pairs, same), same, balanced=not self.given)

    def losses_of(self, rows: Any, pairs: Any, same: Any) -> Any:
        """Loss of each pair, float32 of shape (m,)."""
        raise NotImplementedError


class Contrastive(PairLoss):
    """Contrastive loss (:func:`contrastive`).

    Attributes:
        margin: Distance from which two people are far enough apart.
    """

    def __init__(self, *, margin: float, distance: str, normalise: bool, given: bool) -> None:
        super().__init__(distance=distance, normalise=normalise, given=given, name="contrastive")
        self.margin = margin

    def losses_of(self, rows: Any, pairs: Any, same: Any) -> Any:
        """Loss of each pair, float32 of shape (m,)."""
        if self.given:
            distances = pair_distances(tf.gather(rows, pairs[:, 0]), tf.gather(rows, pairs[:, 1]), self.distance)
        else:
            distances = tf.gather_nd(distance_matrix(rows, self.distance), pairs)
        return contrastive(same, distances, self.margin)


class PairCrossEntropy(PairLoss):
    """Binary cross-entropy of "one person", judged by a dense layer on what sets two embeddings apart.

    Koch, Zemel, Salakhutdinov 2015 for ``"weighted-l1"``.

    Attributes:
        head: The dense layer: its output is the logit (:func:`train.heads.distances.pair_features`).
    """

    def __init__(self, *, distance: str, normalise: bool, given: bool) -> None:
        super().__init__(distance=distance, normalise=normalise, given=given, name="pair_bce")
        self.head = same_person_layer()

    def build(self, embeddings_shape: Any, labels_shape: Any = None) -> None:
        """Create the head's weights."""
        self.head.build((None, embeddings_shape[-1] if self.distance == "weighted-l1" else 1))
        self.built = True

    def losses_of(self, rows: Any, pairs: Any, same: Any) -> Any:
        """Loss of each pair, float32 of shape (m,)."""
        first, second = tf.gather(rows, pairs[:, 0]), tf.gather(rows, pairs[:, 1])
        logits = self.head(pair_features(first, second, self.distance))[:, 0]
        return tf.nn.sigmoid_cross_entropy_with_logits(labels=same, logits=logits)
