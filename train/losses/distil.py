"""Learning from a teacher's embeddings of the same pictures."""

from __future__ import annotations

from typing import Any

from train.heads.distances import pair_distances, unit
from train.keras_quietly import keras, tf


def cosine_to_teacher(student: Any, teacher: Any) -> Any:
    """Mean of 1 − cosine similarity between the student's and the teacher's embeddings of a picture.

    Args:
        student: float32 of shape (n, t).
        teacher: float32 of shape (n, t).

    Returns:
        float32 scalar, 0 to 2.
    """
    return tf.reduce_mean(pair_distances(student, teacher, "cosine"))


def similarity_to_teacher(student: Any, teacher: Any) -> Any:
    """Mean squared difference of the batch's two matrices of cosine similarities.

    Tung, Mori 2019, "Similarity-Preserving Knowledge Distillation", arXiv:1907.09682, with cosines: how alike two
    pictures are is to be the same in both spaces, whatever the lengths of the embeddings.

    Args:
        student: float32 of shape (n, d).
        teacher: float32 of shape (n, t).

    Returns:
        float32 scalar: the mean over all n² entries, 0 to 4.
    """
    ours, theirs = unit(student), unit(teacher)
    difference = tf.matmul(ours, ours, transpose_b=True) - tf.matmul(theirs, theirs, transpose_b=True)
    return tf.reduce_mean(tf.square(difference))


class Distillation(keras.layers.Layer):
    """Both terms on a batch, each with its weight.

    Attributes:
        cosine: Weight of :func:`cosine_to_teacher`; 0 leaves it out.
        similarity: Weight of :func:`similarity_to_teacher`; 0 leaves it out.
        projection: A linear layer without a bias from the student's to the teacher's length; None where they are the
            same. It is no part of the tower.
    """

    def __init__(self, *, cosine: float, similarity: float) -> None:
        super().__init__(dtype="float32", name="distillation")
        self.cosine = cosine
        self.similarity = similarity
        self.projection: Any = None

    def build(self, embeddings_shape: Any, teacher_shape: Any) -> None:
        """Create the projection where it is needed."""
        length = teacher_shape[-1]
        if self.cosine and embeddings_shape[-1] != length:
            # A bias would move the origin, which cosines are measured from.
            self.projection = keras.layers.Dense(length, use_bias=False, dtype="float32", name="projection")
            self.projection.build((None, embeddings_shape[-1]))
        self.built = True

    def call(self, embeddings: Any, teacher: Any) -> dict[str, Any]:
        """Terms of a batch.

        Args:
            embeddings: Raw float32 embeddings of shape (n, d).
            teacher: The teacher's, float32 of shape (n, t).

        Returns:
            ``teacher_cosine`` and ``teacher_similarity``, float32 scalars that are weighted already.
        """
        terms = {}
        if self.cosine:
            rows = unit(embeddings)
            mapped = rows if self.projection is None else self.projection(rows)
            terms["teacher_cosine"] = self.cosine * cosine_to_teacher(mapped, teacher)
        if self.similarity:
            terms["teacher_similarity"] = self.similarity * similarity_to_teacher(embeddings, teacher)
        return terms
