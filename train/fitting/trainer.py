"""The model that is fitted: a tower and the objective on top of it, trained by Keras's own ``fit``."""

from __future__ import annotations

from typing import Any

import numpy as np

from train.batches.hard import Memory
from train.fitting.distribute import gather_rows, loss_share, step_logs
from train.keras_quietly import keras, tf


class SiameseTrainer(keras.Model):
    """A tower under training. One pass embeds the whole batch, and the objective compares all of it.

    The batches are pictures with a mapping of ``label``, ``row`` and, with a teacher, ``teacher``
    (:meth:`train.batches.stream.BatchStream.dataset`).

    Attributes:
        tower: The network whose weights all pictures share.
        objective: What is minimised (:mod:`train.losses.objective`).
    """

    def __init__(self, tower: Any, objective: Any, *, remembered_rows: int = 0) -> None:
        """Take a tower and an objective.

        Args:
            tower: A Keras model that gives raw embeddings of shape (n, d).
            objective: Called with embeddings, labels and the teacher's rows; gives named terms to add.
            remembered_rows: How many rows the data has, if their last embeddings are to be kept; else 0.
        """
        super().__init__(name="siamese")
        self.tower = tower
        self.objective = objective
        length = int(tower.output_shape[-1])
        self._last: Any = None
        self._seen: Any = None
        if remembered_rows:
            self._last = self.add_weight(
                shape=(remembered_rows, length), initializer="zeros", trainable=False, dtype="float32", name="last"
            )
            self._seen = self.add_weight(
                shape=(remembered_rows,), initializer="zeros", trainable=False, dtype="float32", name="seen"
            )

    def call(self, pixels: Any, training: bool | None = None) -> Any:
        """Raw embeddings, float of shape (n, d), of normalised pictures of shape (n, size, size, channels)."""
        return self.tower(pixels, training=training)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The sum of the objective's terms over the whole batch, a float32 scalar; of it a replica's share."""
        embeddings = gather_rows(tf.cast(y_pred, tf.float32))
        teacher = y.get("teacher")
        terms = self.objective(embeddings, gather_rows(y["label"]), None if teacher is None else gather_rows(teacher))
        if training and self._last is not None:
            self._remember(embeddings, y["row"])
        return loss_share(tf.add_n(list(terms.values())))

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step of Keras's own, with logs that it can average over workers."""
        return step_logs(super().train_step(data))

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Build nothing: :func:`build_trainer` did, and with several workers Keras fails at it."""

    def _remember(self, embeddings: Any, rows: Any) -> None:
        unit = tf.math.l2_normalize(tf.stop_gradient(embeddings), axis=-1, epsilon=1e-12)
        self._last.value.scatter_nd_update(rows[:, None], unit)
        self._seen.value.scatter_nd_update(rows[:, None], tf.ones_like(rows, dtype=tf.float32))

    def reseed(self, seed: int, epoch: int) -> None:
        """Set what dropout and class sampling draw from to the epoch's own state.

        Keras keeps these states out of checkpoints; so a resumed training draws what it would have drawn.
        """
        for place, layer in enumerate(self._flatten_layers()):
            for generator in layer._seed_generators:
                state = np.random.default_rng([seed, epoch, place]).integers(0, 2**32, 2, dtype=np.uint32)
                generator.state.assign(state)

    def memory(self) -> Memory | None:
        """What the tower made of the pictures of recent batches; None if it keeps nothing or has seen nothing."""
        if self._last is None:
            return None
        seen = np.asarray(self._seen) > 0
        return Memory(embeddings=np.array(self._last), seen=seen) if seen.any() else None


def build_trainer(
    tower: Any, objective: Any, optimizer: Any, *, teacher_length: int = 0, remembered_rows: int = 0
) -> Any:
    """A compiled trainer with all of its variables, so that a checkpoint can be loaded into it.

    Args:
        tower: See :class:`SiameseTrainer`.
        objective: See :class:`SiameseTrainer`.
        optimizer: A Keras optimizer.
        teacher_length: Length of the teacher's embeddings; 0 without a teacher.
        remembered_rows: See :class:`SiameseTrainer`.
    """
    model = SiameseTrainer(tower, objective, remembered_rows=remembered_rows)
    length = int(tower.output_shape[-1])
    objective.build((None, length), (None,), (None, teacher_length) if teacher_length else None)
    model.build((None, *tower.input_shape[1:]))
    # XLA gains nothing on CPUs and takes a minute to compile; False also keeps the results alike.
    model.compile(optimizer=optimizer, jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model
