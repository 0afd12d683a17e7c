"""Training: pictures and a configuration in, a run folder with the best epoch's tower out."""

from __future__ import annotations

import contextlib
import json
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import SiamliteError, UsageError
from edge_runtime.files import write_json
from train.config import Config
from train.data.split import write_split
from train.fitting.agree import check_alike, chief_says, share_weights
from train.fitting.budget import is_spent, spent_seconds
from train.fitting.callbacks import Checkpoint
from train.fitting.checkpoint import TrainingState, read_state
from train.fitting.deliver import FitResult, deliver
from train.fitting.distribute import WAIT_S, Distribution, choose_distribution, lost_worker
from train.fitting.epochs import run_epochs
from train.fitting.inputs import Inputs, read_inputs
from train.fitting.lock import run_lock
from train.fitting.norm import norm_layers
from train.fitting.optimizer import make_optimizer
from train.fitting.run import RunFolder, describe_run, open_run, write_description
from train.fitting.trainer import build_trainer
from train.keras_quietly import keras
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
    devices: int | None = None,
    wait_s: float = WAIT_S,
) -> FitResult | None:
    """Train a tower, or go on with a training that was interrupted.

    Args:
        data: A source of pictures (:mod:`train.data.sources`): prepared faces, or photographs, which are then prepared
            into the run folder first.
        out: The run folder.
        config: The configuration.
        split_file: A ``split.json`` to use in place of a new division.
        aligned: Whether an unmarked ``data`` holds crops that are aligned already.
        force: Replace a run that is there.
        devices: How many devices of this machine to use; None for all GPUs, or the CPU as one.
        wait_s: How long to wait for the other workers that ``TF_CONFIG`` names.

    Returns:
        What it gave; None for a worker that is not the first, which writes nothing.

    Raises:
        UsageError: The run is finished, is another one or is being trained, or an option is wrong.
        DataError: The data cannot be used.
    """
    # TensorFlow takes its devices and workers only before it is first used.
    distribution = choose_distribution(devices=devices, wait_s=wait_s)
    if config.schedule.cpu_minutes and distribution.workers > 1:
        raise UsageError("schedule.cpu_minutes is for one machine: workers would end at different steps. Leave it out.")
    # What the recipe asks for must exist before an hour is spent on pictures.
    build_tower(config.input, config.tower)
    build_objective(config, classes=2)
    with _run_folder(Path(out), distribution) as run, run_lock(run.root):
        inputs = read_inputs(Path(data), run, config, split_file=split_file, aligned=aligned, force=force)
        description = describe_run(config, inputs.faces, inputs.split, inputs.folder)
        check_alike(distribution, json.dumps({**description, "data": None, "versions": None}, sort_keys=True))
        if open_run(run, description, inputs.split, force=force):
            _log.info("going on with the unfinished run in %s", run.root)
        else:
            write_split(run.split, inputs.split)
            write_json(run.pictures, dict(zip(inputs.faces.names, inputs.faces.hashes, strict=True)))
            write_description(run, description, finished=False)
        with lost_worker(distribution):
            state = _train(run, config, inputs, distribution)
        return None if state is None else deliver(run, config, description, state, inputs)


@contextlib.contextmanager
def _run_folder(out: Path, distribution: Distribution) -> Iterator[RunFolder]:
    """The run folder; for a worker that is not the chief, one that is removed in the end."""
    if distribution.is_chief:
        yield RunFolder(root=out)
        return
    with tempfile.TemporaryDirectory(prefix="siamlite-worker-") as folder:
        yield RunFolder(root=Path(folder) / "run")


def _train(run: RunFolder, config: Config, inputs: Inputs, distribution: Distribution) -> TrainingState | None:
    """Run the epochs that are still to be run; None for a worker that is not the chief."""
    # The weights are drawn under the seed: they must not depend on what was built before.
    keras.utils.set_random_seed(config.seed)
    with distribution.scope():
        model = _build(config, inputs, distribution)
    state = _restore(run, config, model)
    finished, ended = chief_says(distribution, _standing(run, state, config)).tolist()
    share_weights(distribution, [*model.variables, *model.optimizer.variables])
    checkpoint = Checkpoint(
        run.checkpoints,
        build_tower(config.input, config.tower),
        state,
        watch=config.schedule.watch if inputs.validation is not None else "last",
        patience=config.schedule.patience if inputs.validation is not None else 0,
    )
    if config.schedule.epochs == 0 and distribution.is_chief:
        checkpoint.keep_untrained(model)
    if not ended:
        run_epochs(run, config, model, inputs, checkpoint, finished, distribution)
    if not distribution.is_chief:
        return None
    if checkpoint.state is None:
        raise SiamliteError("the training ended without a single finished epoch. Run the same command again.")
    return checkpoint.state


def _build(config: Config, inputs: Inputs, distribution: Distribution) -> Any:
    """The trainer; with several replicas batch normalisation is over the batches of all of them."""
    with _precision(config.schedule.precision):
        tower = build_tower(config.input, config.tower)
    for layer in norm_layers(tower) if distribution.replicas > 1 else ():
        layer.synchronized = True
    return build_trainer(
        tower,
        build_objective(config, classes=len(inputs.train.people)),
        make_optimizer(config.schedule),
        teacher_length=0 if inputs.teacher is None else inputs.teacher.shape[1],
        remembered_rows=len(inputs.train.labels) if config.batch.sampler == "hard-pairs" else 0,
    )


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


def _standing(run: RunFolder, state: TrainingState | None, config: Config) -> npt.NDArray[np.int32]:
    """Number of finished epochs, and whether no more are to be run."""
    finished, patience = state.epoch if state else 0, config.schedule.patience
    out_of_patience = bool(patience and state and state.epoch - state.improved_epoch >= patience)
    spent = is_spent(config.schedule, spent_seconds(run.log, finished))
    return np.array([finished, finished >= config.schedule.epochs or out_of_patience or spent], dtype=np.int32)


@contextlib.contextmanager
def _precision(policy: str) -> Iterator[None]:
    """Build layers under a dtype policy, and leave Keras as it was."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
