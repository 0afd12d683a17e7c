"""Training: pictures and a configuration in, a run folder with the best epoch's tower out."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2

from edge_runtime.errors import SiamliteError
from edge_runtime.files import write_json
from train.batches.stream import BatchStream
from train.config import Config
from train.data.split import write_split
from train.fitting.callbacks import Checkpoint, EpochLines, EpochStart, ValidationMetrics
from train.fitting.checkpoint import TrainingState, read_state
from train.fitting.deliver import FitResult, deliver
from train.fitting.inputs import Inputs, read_inputs
from train.fitting.lock import run_lock
from train.fitting.log import EpochLog
from train.fitting.optimizer import make_optimizer
from train.fitting.run import RunFolder, describe_run, open_run, write_description
from train.fitting.tensorboard import ScoreHistograms
from train.fitting.trainer import build_trainer
from train.fitting.validation import Validation
from train.keras_quietly import keras, known_warnings
from train.losses.build import build_objective
from train.towers.build import build_tower

_log = logging.getLogger(__name__)


def fit(
    data: str | Path,
    out: str | Path,
    config: Config,
    *,
    split_file: str | Path | None = None,
    aligned: bool = False,
    force: bool = False,
) -> FitResult:
    """Train a tower, or go on with a training that was interrupted.

    Args:
        data: A source of pictures (:mod:`train.data.sources`): prepared faces, or photographs, which are then prepared
            into the run folder first.
        out: The run folder.
        config: The configuration.
        split_file: A ``split.json`` to use in place of a new division.
        aligned: Whether an unmarked ``data`` holds crops that are aligned already.
        force: Replace a run that is there.

    Raises:
        UsageError: The run is finished, is another one or is being trained, or an option is wrong.
        DataError: The data cannot be used.
    """
    run = RunFolder(root=Path(out))
    # What the recipe asks for must exist before an hour is spent on pictures.
    build_tower(config.input, config.tower)
    build_objective(config, classes=2)
    with run_lock(run.root):
        inputs = read_inputs(Path(data), run, config, split_file=split_file, aligned=aligned, force=force)
        description = describe_run(config, inputs.faces, inputs.split, inputs.folder)
        if open_run(run, description, inputs.split, force=force):
            _log.info("going on with the unfinished run in %s", run.root)
        else:
            write_split(run.split, inputs.split)
            write_json(run.pictures, dict(zip(inputs.faces.names, inputs.faces.hashes, strict=True)))
            write_description(run, description, finished=False)
        state = _train(run, config, inputs)
        return deliver(run, config, description, state, inputs)


def _train(run: RunFolder, config: Config, inputs: Inputs) -> TrainingState:
    """Run the epochs that are still to be run."""
    # The weights are drawn under the seed: they must not depend on what was built before.
    keras.utils.set_random_seed(config.seed)
    with _precision(config.schedule.precision):
        tower = build_tower(config.input, config.tower)
    model = build_trainer(
        tower,
        build_objective(config, classes=len(inputs.train.people)),
        make_optimizer(config.schedule),
        teacher_length=0 if inputs.teacher is None else inputs.teacher.shape[1],
        remembered_rows=len(inputs.train.labels) if config.batch.sampler == "hard-pairs" else 0,
    )
    state = _restore(run, config, model)
    finished = state.epoch if state else 0
    checkpoint = Checkpoint(
        run.checkpoints,
        build_tower(config.input, config.tower),
        state,
        watch=config.schedule.watch if inputs.validation is not None else "last",
        patience=config.schedule.patience if inputs.validation is not None else 0,
    )
    if finished < config.schedule.epochs and not _out_of_patience(state, config):
        _run_epochs(run, config, model, inputs, checkpoint, finished)
    if checkpoint.state is None:
        raise SiamliteError("the training ended without a single finished epoch. Run the same command again.")
    return checkpoint.state


def _restore(run: RunFolder, config: Config, model: Any) -> TrainingState | None:
    """Load the last checkpoint into the model, if there is one."""
    state = read_state(run.checkpoints)
    if state is None:
        return None
    model.load_weights(str(run.checkpoints / state.weights))
    if config.schedule.ema:
        # Checkpoints are written with the average in the tower; this puts the trained weights back in its place.
        swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
        swap.set_params({"epochs": config.schedule.epochs + 1})
        swap.set_model(model)
        swap.on_epoch_end(0)
    _log.info("epoch %d of %d is done; going on after it", state.epoch, config.schedule.epochs)
    return state


def _out_of_patience(state: TrainingState | None, config: Config) -> bool:
    patience = config.schedule.patience
    return bool(patience and state and state.epoch - state.best_epoch >= patience)


def _run_epochs(
    run: RunFolder, config: Config, model: Any, inputs: Inputs, checkpoint: Checkpoint, finished: int
) -> None:
    stream = BatchStream(inputs.train.pixels, inputs.train.labels, config, inputs.teacher)
    terminal = sys.stderr.isatty()
    # Keras draws its progress bar on stdout, which is for data.
    with _one_opencv_thread(), contextlib.redirect_stdout(sys.stderr), known_warnings():
        model.fit(
            stream.dataset(),
            epochs=config.schedule.epochs,
            initial_epoch=finished,
            shuffle=False,
            callbacks=_callbacks(run, config, stream, inputs, checkpoint, finished, terminal=terminal),
            verbose=1 if terminal else 0,
        )


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
def _precision(policy: str) -> Iterator[None]:
    """Build layers under a dtype policy, and leave Keras as it was."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@contextlib.contextmanager
def _one_opencv_thread() -> Iterator[None]:
    """Small pictures gain nothing from OpenCV's threads, which would fight with TensorFlow's."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
