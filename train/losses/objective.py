"""What a training minimises: a loss on the labels, terms from a teacher, or both."""

from __future__ import annotations

from typing import Any

from edge_runtime.errors import UsageError
from train.keras_quietly import keras, tf
from train.losses.distil import Distillation


class Objective(keras.layers.Layer):
    """All terms of a training's loss on one batch of embeddings, always computed in float32.

    It is a layer because some terms have weights of their own (the directions of ArcFace, the head of pair
    cross-entropy, the projection to a teacher). They are trained beside the tower and are no part of it.

    Attributes:
        term: The layer of the loss on the labels, called with embeddings and labels; None where a teacher is all.
        term_name: What its value is called.
        weight: What it is multiplied with.
        distillation: The layer of the teacher's terms; None without a teacher.
    """

    def __init__(self, *, term: Any, term_name: str, weight: float, distillation: Distillation | None) -> None:
        super().__init__(dtype="float32", name="objective")
        self.term = term
        self.term_name = term_name
        self.weight = weight
        self.distillation = distillation

    def build(self, embeddings_shape: Any, labels_shape: Any = None, teacher_shape: Any = None) -> None:
        """Create the weights of all terms.

        Args:
            embeddings_shape: (n or None, d).
            labels_shape: (n or None,).
            teacher_shape: (n or None, t); None without a teacher.

        Raises:
            UsageError: A teacher is missing.
        """
        if self.term is not None and not self.term.built:
            self.term.build(embeddings_shape)
        if self.distillation is not None and not self.distillation.built:
            if teacher_shape is None:
                raise UsageError("this training learns from a teacher, but was given no embeddings of it.")
            self.distillation.build(embeddings_shape, teacher_shape)
        self.built = True

    def call(self, embeddings: Any, labels: Any, teacher: Any = None) -> dict[str, Any]:
        """The terms of a batch; the loss is their sum.

        Args:
            embeddings: Raw embeddings of any floating type, shape (n, d).
            labels: Integers of shape (n,): class numbers in the whole training set.
            teacher: The teacher's embeddings of the same pictures, shape (n, t); None without a teacher.

        Returns:
            Name of each term and its value, already weighted: float32 scalars.

        Raises:
            UsageError: A teacher is missing, or is given to a training that has none.
        """
        if (teacher is None) != (self.distillation is None):
            raise UsageError("embeddings of a teacher are needed exactly where teacher.path names one.")
        rows, owners = tf.cast(embeddings, tf.float32), tf.reshape(tf.cast(labels, tf.int64), [-1])
        terms = {}
        if self.term is not None:
            terms[self.term_name] = self.weight * self.term(rows, owners)
        if self.distillation is not None:
            terms.update(self.distillation(rows, tf.cast(teacher, tf.float32)))
        return terms
