"""Losses that learn a direction for each person: ArcFace and CosFace, over all people or a sample of them."""

from __future__ import annotations

import math
from typing import Any

from train.heads.distances import unit
from train.keras_quietly import keras, tf


def arcface_margin(cosines: Any, margin: float) -> Any:
    """The cosine after the margin is added to the angle: cos(θ + m).

    Deng et al. 2019, "ArcFace", arXiv:1801.07698. Beyond θ = π − m, where cos(θ + m) would rise again, it goes on as
    cos θ − m sin m, as in the authors' code: it keeps falling with θ.

    Args:
        cosines: cos θ, float32 of any shape.
        margin: m in radians, 0 to π.

    Returns:
        float32 of that shape.
    """
    # The root has no slope at 0, so it is kept a little away from it.
    sines = tf.sqrt(tf.maximum(1.0 - tf.square(cosines), 1e-12))
    turned = cosines * math.cos(margin) - sines * math.sin(margin)
    return tf.where(cosines > math.cos(math.pi - margin), turned, cosines - margin * math.sin(margin))


def cosface_margin(cosines: Any, margin: float) -> Any:
    """The cosine with the margin taken off it: Wang et al. 2018, "CosFace", arXiv:1801.09414."""
    return cosines - margin


MARGINS = {"arcface": arcface_margin, "cosface": cosface_margin}


def margin_softmax(cosines: Any, targets: Any, *, kind: str, margin: float, scale: float) -> Any:
    """Cross-entropy of the scaled cosines, the right class's being made harder by a margin.

    Args:
        cosines: float32 of shape (n, classes): embeddings against class directions.
        targets: Integers of shape (n,): the column of each row's own class.
        kind: ``"arcface"`` or ``"cosface"``.
        margin: Its margin.
        scale: What cosines are multiplied with before the softmax.

    Returns:
        Mean over the rows, float32 scalar.
    """
    own = tf.one_hot(targets, tf.shape(cosines)[1], on_value=True, off_value=False, dtype=tf.bool)
    logits = scale * tf.where(own, MARGINS[kind](cosines, margin), cosines)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits))


def choose_classes(labels: Any, scores: Any, others: int) -> tuple[Any, Any]:
    """The classes that a step compares with: the batch's own, and the others with the highest scores.

    Args:
        labels: int64 of shape (n,).
        scores: float32 of shape (classes,), 0 or more: random ones.
        others: How many others; fewer where there are not as many.

    Returns:
        The class numbers, int64 of shape (own + others,) without repetition, and the position of each label in them,
        int32 of shape (n,).
    """
    own, targets = tf.unique(labels)
    below_all = tf.fill(tf.shape(own), tf.constant(-1.0, scores.dtype))
    scores = tf.tensor_scatter_nd_update(scores, own[:, None], below_all)
    count = tf.minimum(others, tf.shape(scores)[0] - tf.shape(own)[0])
    _, chosen = tf.math.top_k(scores, k=count, sorted=False)
    return tf.concat([own, tf.cast(chosen, own.dtype)], axis=0), targets


class ClassSoftmax(keras.layers.Layer):
    """ArcFace or CosFace with a trainable direction for each class.

    With ``sampled`` a step compares with the batch's own classes and that many random others, which saves time and
    memory with many people: An et al. 2022, "Killing Two Birds with One Stone: Efficient and Robust Training of Face
    Recognition CNNs by Partial FC", arXiv:2203.15565.

    Attributes:
        kind: ``"arcface"`` or ``"cosface"``.
        classes: Number of classes.
        margin: The margin.
        scale: What cosines are multiplied with before the softmax.
        sampled: How many other classes to compare with; 0 for all.
        centres: float32 weights of shape (classes, d): the directions, of any length.
    """

    def __init__(self, *, kind: str, classes: int, margin: float, scale: float, sampled: int, seed: int) -> None:
        super().__init__(dtype="float32", name=kind)
        self.kind = kind
        self.classes = classes
        self.margin = margin
        self.scale = scale
        self.sampled = sampled
        self.random = keras.random.SeedGenerator(seed) if sampled else None

    def build(self, embeddings_shape: Any, labels_shape: Any = None) -> None:
        """Create the directions."""
        shape = (self.classes, embeddings_shape[-1])
        self.centres = self.add_weight(shape=shape, initializer="glorot_normal", name="centres")
        self.built = True

    def call(self, embeddings: Any, labels: Any) -> Any:
        """Loss of a batch.

        Args:
            embeddings: Raw float32 embeddings of shape (n, d).
            labels: int64 of shape (n,), 0 to classes − 1.

        Returns:
            float32 scalar.
        """
        centres, targets = tf.convert_to_tensor(self.centres), labels
        if self.sampled:
            scores = keras.random.uniform((self.classes,), seed=self.random)
            kept, targets = choose_classes(labels, scores, self.sampled)
            centres = tf.gather(centres, kept)
        cosines = tf.matmul(unit(embeddings), unit(centres), transpose_b=True)
        return margin_softmax(cosines, targets, kind=self.kind, margin=self.margin, scale=self.scale)
