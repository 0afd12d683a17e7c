"""The epochs of a training: Keras's own ``fit`` with what happens around each epoch."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import cv2

from edge_runtime.errors import SiamliteError
from train.batches.stream import BatchStream
from train.config import Config
from train.fitting.agree import Follow
from train.fitting.budget import CpuBudget, spent_seconds
from train.fitting.callbacks import Checkpoint, EpochLines, EpochStart, ValidationMetrics
from train.fitting.distribute import Distribution
from train.fitting.inputs import Inputs
from train.fitting.log import EpochLog
from train.fitting.run import RunFolder
from train.fitting.tensorboard import ScoreHistograms
from train.fitting.validation import Validation
from train.keras_quietly import keras, known_warnings, tf


def run_epochs(
    run: RunFolder,
    config: Config,
    model: Any,
    inputs: Inputs,
    checkpoint: Checkpoint,
    finished: int,
    distribution: Distribution,
) -> None:
    """Train the epochs that are still to be run.

    Args:
        run: Where the chief writes.
        config: The configuration.
        model: What :func:`train.fitting.trainer.build_trainer` gave.
        inputs: The pictures.
        checkpoint: The callback that writes checkpoints.
        finished: How many epochs are done.
        distribution: The devices and workers.
    """
    stream = BatchStream(inputs.train.pixels, inputs.train.labels, config, inputs.teacher)
    terminal = sys.stderr.isatty() and distribution.is_chief
    callbacks = _callbacks(run, config, stream, inputs, checkpoint, finished, terminal=terminal)
    if distribution.workers > 1:
        callbacks = [*(callbacks if distribution.is_chief else _training_only(callbacks)), Follow(distribution)]
    batches, steps = stream.dataset(), None
    if distribution.replicas > 1:
        distribution.check_batch(stream.rows, config.batch.sampler)
        steps = config.schedule.steps_per_epoch
        batches = distribution.batches(lambda *part: stream.endless(finished * config.schedule.steps_per_epoch, part))
    # Keras draws its progress bar on stdout, which is for data.
    with _one_opencv_thread(), enough_memory(stream.rows), contextlib.redirect_stdout(sys.stderr), known_warnings():
        model.fit(
            batches,
            steps_per_epoch=steps,
            epochs=config.schedule.epochs,
            initial_epoch=finished,
            shuffle=False,
            callbacks=callbacks,
            verbose=1 if terminal else 0,
        )


def _training_only(callbacks: list[Any]) -> list[Any]:
    """Those that change the training; the others measure and write, which is the chief's."""
    changing = (EpochStart, keras.callbacks.SwapEMAWeights, keras.callbacks.TerminateOnNaN)
    return [callback for callback in callbacks if isinstance(callback, changing)]


def _callbacks(
    run: RunFolder,
    config: Config,
    stream: BatchStream,
    inputs: Inputs,
    checkpoint: Checkpoint,
    finished: int,
    *,
    terminal: bool,
) -> list[Any]:
    """What happens around the epochs; the order matters (each class says why)."""
    validation = None if inputs.validation is None else Validation(inputs.validation, config)
    return [
        EpochStart(stream, config.seed),
        *([CpuBudget(config.schedule, spent_seconds(run.log, finished))] if config.schedule.cpu_minutes else []),
        *([keras.callbacks.SwapEMAWeights(swap_on_epoch=True)] if config.schedule.ema else []),
        *([ValidationMetrics(validation)] if validation else []),
        keras.callbacks.TerminateOnNaN(),
        EpochLog(run.log, finished),
        keras.callbacks.TensorBoard(str(run.tensorboard), write_graph=False),
        *([ScoreHistograms(run.tensorboard, validation)] if validation else []),
        *([] if terminal else [EpochLines()]),
        checkpoint,
    ]


@contextlib.contextmanager
def enough_memory(rows: int) -> Iterator[None]:
    """Say what to make smaller when a batch does not fit."""
    try:
        yield
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise SiamliteError(
            f"the memory does not hold a batch of {rows} pictures and what the loss makes of it. Make batch.people or "
            "batch.pictures smaller."
        ) from error


@contextlib.contextmanager
def _one_opencv_thread() -> Iterator[None]:
    """Small pictures gain nothing from OpenCV's threads, which would fight with TensorFlow's."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
