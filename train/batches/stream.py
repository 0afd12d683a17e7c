"""From pictures in memory to augmented, normalised batches, prepared beside the training step by tf.data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.preprocess import normalise
from train.batches.augment import augment
from train.batches.sampler import Labels, batch_rng, draw_batch
from train.config import Config
from train.keras_quietly import tf

Pixels = npt.NDArray[np.uint8]


def make_batch(
    pixels: Pixels, labels: Labels, config: Config, step: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """The batch of one step; the same for the same seed and step, whatever came before.

    Args:
        pixels: uint8 of shape (n, size, size, channels).
        labels: Shape (n,), whose picture each row is.
        config: The configuration of the run.
        step: Number of the step, from 0 over all epochs.

    Returns:
        float32 of shape (P·K, size, size, channels), normalised, and labels of shape (P·K,): 0 to P − 1.

    Raises:
        DataError: There are fewer than two people.
    """
    rng = batch_rng(config.seed, step)
    rows = draw_batch(labels, config.batch, rng)
    batch = np.empty((rows.size, *pixels.shape[1:]), dtype=np.uint8)
    for slot, row in enumerate(rows.ravel()):
        batch[slot] = augment(pixels[row], config.augment, rng)
    return normalise(batch, config.input), np.repeat(np.arange(len(rows)), rows.shape[1])


def batch_stream(pixels: Pixels, labels: Labels, config: Config, *, first_step: int) -> Any:
    """An endless tf.data stream of batches from a step on, two batches ahead of the training.

    Args:
        pixels: uint8 of shape (n, size, size, channels).
        labels: Shape (n,).
        config: The configuration of the run.
        first_step: Number of the step that comes first: more than 0 when a run is resumed.
    """

    def batches() -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]]:
        step = first_step
        while True:
            yield make_batch(pixels, labels, config, step)
            step += 1

    signature = (
        tf.TensorSpec((None, *config.input.shape), tf.float32),
        tf.TensorSpec((None,), tf.int64),
    )
    return tf.data.Dataset.from_generator(batches, output_signature=signature).prefetch(2)
