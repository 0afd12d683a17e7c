"""From pictures in memory to augmented, normalised batches, prepared beside the training step by tf.data."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.towers.preprocess import normalise
from train.batches.augment import augment
from train.batches.hard import Memory
from train.batches.people import PeopleRows, Rows, people_rows
from train.batches.sampler import batch_rng, draw_rows
from train.config import Config
from train.keras_quietly import tf

Pixels = npt.NDArray[np.uint8]

# How many batches are prepared at once and ahead: enough to keep a second core busy while the first one trains.
_WORKERS = 2
_AHEAD = 2


def make_batch(
    pixels: Pixels,
    people: PeopleRows,
    config: Config,
    step: int,
    memory: Memory | None = None,
    *,
    part: tuple[int, int] = (0, 1),
) -> tuple[npt.NDArray[np.float32], Rows, Rows]:
    """The batch of one step; the same for the same seed, step and memory, whatever came before.

    Args:
        pixels: uint8 of shape (n, size, size, channels).
        people: Whose picture each row is.
        config: The configuration of the run.
        step: Number of the step, from 0 over all epochs.
        memory: For the sampler ``hard-pairs``.
        part: Index and number of the equal parts of the batch: only the rows of this part are made.

    Returns:
        float32 of shape (b, size, size, channels), normalised; labels of shape (b,); row numbers of shape (b,).
    """
    rng = batch_rng(config.seed, step)
    rows = draw_rows(people, config.batch, rng, memory)
    # A generator for each row: a part of a batch is then the same as those rows of the whole.
    generators = rng.spawn(rows.size)
    first, last = (rows.size * index // part[1] for index in (part[0], part[0] + 1))
    rows, generators = rows[first:last], generators[first:last]
    batch = np.empty((rows.size, *pixels.shape[1:]), dtype=np.uint8)
    for slot, (row, generator) in enumerate(zip(rows, generators, strict=True)):
        batch[slot] = augment(pixels[row], config.augment, generator)
    return normalise(batch, config.input), people.labels[rows], rows


class BatchStream:
    """The batches of a training, an epoch at a time.

    Attributes:
        waited_s: Seconds that the training has waited for batches since :meth:`begin` was last called.
        rows: Number of pictures in a batch.
    """

    def __init__(
        self, pixels: Pixels, labels: npt.NDArray[np.integer], config: Config, teacher: npt.NDArray[np.float32] | None
    ) -> None:
        """Take the training pictures.

        Args:
            pixels: uint8 of shape (n, size, size, channels); may be memory-mapped.
            labels: Shape (n,), whose picture each row is.
            config: The configuration of the run.
            teacher: float32 of shape (n, t), the teacher's embeddings, or None.

        Raises:
            DataError: There are fewer than two people, or no pairs where pairs are asked for.
        """
        self._pixels = pixels
        self._config = config
        self._teacher = teacher
        self.people = people_rows(labels)
        self.memory: Memory | None = None
        self.waited_s = 0.0
        self._epoch = 0
        self.rows = draw_rows(self.people, config.batch, batch_rng(config.seed, 0)).size

    def begin(self, epoch: int, memory: Memory | None = None) -> None:
        """Say which epoch (from 0) is drawn next, and from what memory."""
        self._epoch, self.memory, self.waited_s = epoch, memory, 0.0

    def dataset(self) -> Any:
        """A tf.data set of one epoch: whichever :meth:`begin` named last, each time that it is walked through.

        Each element is the pictures, float32 of shape (b, size, size, channels), and a mapping with ``label`` and
        ``row``, int64 of shape (b,), and ``teacher``, float32 of shape (b, t), where there is a teacher.
        """
        steps = self._config.schedule.steps_per_epoch
        timed = self._from(lambda: self._prepared(self._epoch * steps, steps, self.memory))
        timed = timed.apply(tf.data.experimental.assert_cardinality(steps))
        options = tf.data.Options()
        # A buffer after the stop-watch would hide the waiting from it.
        options.experimental_optimization.inject_prefetch = False
        return timed.with_options(options)

    def endless(self, first_step: int, part: tuple[int, int] = (0, 1)) -> Any:
        """A tf.data set of the batches from a step on, or of one part of each; see :func:`make_batch`."""
        return self._from(lambda: self._prepared(first_step, tf.int64.max - first_step, None, part))

    def _from(self, prepared: Callable[[], Any]) -> Any:
        target = {"label": tf.TensorSpec((None,), tf.int64), "row": tf.TensorSpec((None,), tf.int64)}
        if self._teacher is not None:
            target["teacher"] = tf.TensorSpec((None, self._teacher.shape[1]), tf.float32)
        signature = (tf.TensorSpec((None, *self._config.input.shape), tf.float32), target)
        return tf.data.Dataset.from_generator(lambda: self._timed(prepared()), output_signature=signature)

    def _timed(self, prepared: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
        batches = iter(prepared)
        while True:
            began = time.perf_counter()
            item = next(batches, None)
            self.waited_s += time.perf_counter() - began
            if item is None:
                return
            pictures, labels, rows = (part.numpy() for part in item)
            target = {"label": labels, "row": rows}
            if self._teacher is not None:
                target["teacher"] = self._teacher[rows]
            yield pictures, target

    def _prepared(self, first: int, steps: int, memory: Memory | None, part: tuple[int, int] = (0, 1)) -> Any:
        def prepare(step: Any) -> Any:
            return make_batch(self._pixels, self.people, self._config, int(step), memory, part=part)

        def wrapped(step: Any) -> Any:
            pictures, labels, rows = tf.numpy_function(prepare, [step], (tf.float32, tf.int64, tf.int64))
            return pictures, labels, rows

        numbers = tf.data.Dataset.range(first, first + steps)
        return numbers.map(wrapped, num_parallel_calls=_WORKERS, deterministic=True).prefetch(_AHEAD)
