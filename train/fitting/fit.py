"""Training: prepared faces and a configuration in, a run folder with the best epoch's tower out."""

from __future__ import annotations

import contextlib
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from edge_runtime.align import DEFAULT_TEMPLATE
from edge_runtime.errors import SiamliteError, UsageError
from edge_runtime.faces import FaceFinder
from edge_runtime.files import read_json, write_bytes, write_json
from edge_runtime.metrics import PairScores
from edge_runtime.people import read_faces_mark
from train.batches.stream import batch_stream
from train.config import Config
from train.data.faces import FaceSet, load_faces, same_picture_twice
from train.data.split import Split, check_split, read_split, split_people, write_split
from train.fitting.callbacks import Checkpoint, EpochLines, ValidationMetrics, read_log, trim_log
from train.fitting.checkpoint import TrainingState, read_state
from train.fitting.run import RunFolder, describe_run, open_run, write_description
from train.keras_quietly import keras, known_warnings, load_keras
from train.losses.all import build_loss
from train.measure.plots import plot_det, plot_roc, plot_scores, plot_training
from train.measure.verify import Verification, embed_pixels, verify
from train.prepare.faces import prepare_faces
from train.towers.build import build_tower
from train.towers.macs import count_macs

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FitResult:
    """What a training gave.

    Attributes:
        run: The run folder.
        best_epoch: The epoch (from 1) whose tower was kept.
        epochs: Number of epochs.
        validation: Verification of the validation people with that tower.
        macs: Multiply-accumulates of one forward pass.
    """

    run: RunFolder
    best_epoch: int
    epochs: int
    validation: Verification
    macs: int

    def as_mapping(self) -> dict[str, Any]:
        """What ``metrics.json`` holds."""
        return {
            "best_epoch": self.best_epoch,
            "epochs": self.epochs,
            "macs": self.macs,
            "validation": self.validation.as_mapping(),
        }


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
        data: A folder of prepared faces, or of photographs, which are then prepared into the run folder first.
        out: The run folder.
        config: The configuration.
        split_file: A ``split.json`` to use in place of a new division.
        aligned: Whether an unmarked ``data`` holds crops that are aligned already.
        force: Replace a run that is there.

    Raises:
        UsageError: The run is finished or is another one, or an option is wrong.
        DataError: The data cannot be used.
    """
    run = RunFolder(root=Path(out))
    tower = build_tower(config.input, config.tower)
    loss = build_loss(config.loss)
    folder = faces_folder(Path(data), run, config, aligned=aligned, force=force)
    faces = load_faces(folder, config.input)
    share = config.split.validation
    split = read_split(split_file) if split_file else split_people(faces.people, validation=share, seed=config.seed)
    check_split(split, faces.people)
    _report_data(faces, split)
    description = describe_run(config, faces, split, folder)
    if open_run(run, description, split, force=force):
        _log.info("going on with the unfinished run in %s", run.root)
    else:
        write_split(run.split, split)
        write_json(run.pictures, dict(zip(faces.names, faces.hashes, strict=True)))
        write_description(run, description, finished=False)
    state = _train(run, config, tower, loss, faces.select(split.train), faces.select(split.validation))
    return _finish(run, config, description, state, faces.select(split.validation), count_macs(tower))


def faces_folder(data: Path, run: RunFolder, config: Config, *, aligned: bool, force: bool) -> Path:
    """The folder of prepared faces to train on; photographs are prepared at the tower's size first.

    Raises:
        DataError: Fewer than two people have usable faces.
        UsageError: The run folder has faces of other photographs.
    """
    if aligned or read_faces_mark(data) is not None:
        return data
    origin = {"photographs": str(data.resolve()), "size_px": config.input.size_px}
    if run.faces.exists() and not force:
        if not run.origin.exists() or read_json(run.origin, what="the origin of the faces") != origin:
            raise UsageError(
                f"{run.faces} was cut out of other photographs or at another size. Choose another --out, or replace it "
                "with --force."
            )
        _log.info("using the faces that were cut out before: %s", run.faces)
        return run.faces
    write_json(run.origin, origin)
    _log.info("%s holds photographs: cutting the faces out into %s", data, run.faces)
    finder = FaceFinder(size_px=config.input.size_px, template=DEFAULT_TEMPLATE)
    prepared = prepare_faces(data, run.faces, finder=finder, force=force)
    _log.info("kept %d faces, rejected %d photographs", prepared.kept, len(prepared.rejected))
    return run.faces


def _report_data(faces: FaceSet, split: Split) -> None:
    _log.info(
        "%d pictures of %d people: %d people to train on, %d to validate on",
        *(len(faces.labels), len(faces.people), len(split.train), len(split.validation)),
    )
    if faces.skipped:
        _log.warning("%d unreadable pictures are left out", len(faces.skipped))
    if faces.single_picture_people:
        _log.warning("%d people have one picture: no genuine pairs of them", len(faces.single_picture_people))
    for first, second in same_picture_twice(faces)[:5]:
        _log.warning("the same picture stands under two people: %s and %s", first, second)


def make_optimizer(config: Config) -> Any:
    """AdamW with a linear warm-up and a cosine down to zero over the whole training."""
    schedule = config.schedule
    warmup = round(schedule.warmup_epochs * schedule.steps_per_epoch)
    total = schedule.epochs * schedule.steps_per_epoch
    rate = keras.optimizers.schedules.CosineDecay(
        schedule.learning_rate / 1000,
        max(1, total - warmup),
        warmup_target=schedule.learning_rate,
        warmup_steps=warmup,
    )
    return keras.optimizers.AdamW(rate, weight_decay=schedule.weight_decay)


def _train(run: RunFolder, config: Config, tower: Any, loss: Any, train: FaceSet, validation: FaceSet) -> TrainingState:
    """Run the epochs that are still to be run."""
    # The weights are drawn again under the seed: they must not depend on what was built before.
    keras.utils.set_random_seed(config.seed)
    model = build_tower(config.input, config.tower)
    # XLA gains nothing on CPUs and takes a minute to compile; False also keeps the results alike.
    model.compile(optimizer=make_optimizer(config), loss=loss, jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    state = read_state(run.checkpoints)
    finished = state.epoch if state else 0
    if state:
        model.load_weights(str(run.checkpoints / state.weights))
        _log.info("epoch %d of %d is done; going on after it", finished, config.schedule.epochs)
    trim_log(run.log, finished)
    checkpoint = Checkpoint(run.checkpoints, tower, state)
    if finished < config.schedule.epochs:
        _run_epochs(run, config, model, train, validation, checkpoint, finished)
    if checkpoint.state is None:
        raise SiamliteError("the training ended without a single finished epoch. Run the same command again.")
    return checkpoint.state


def _run_epochs(
    run: RunFolder,
    config: Config,
    model: Any,
    train: FaceSet,
    validation: FaceSet,
    checkpoint: Checkpoint,
    finished: int,
) -> None:
    terminal = sys.stderr.isatty()
    callbacks = [
        ValidationMetrics(validation, config.input),
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.CSVLogger(str(run.log), append=True),
        keras.callbacks.TensorBoard(str(run.tensorboard), write_graph=False),
        *([] if terminal else [EpochLines()]),
        checkpoint,
    ]
    steps = config.schedule.steps_per_epoch
    stream = batch_stream(train.pixels, train.labels, config, first_step=finished * steps)
    threads = cv2.getNumThreads()
    # Small pictures gain nothing from OpenCV's threads, which would fight with TensorFlow's.
    cv2.setNumThreads(1)
    try:
        # Keras draws its progress bar on stdout, which is for data.
        with contextlib.redirect_stdout(sys.stderr), known_warnings():
            model.fit(
                stream,
                epochs=config.schedule.epochs,
                initial_epoch=finished,
                steps_per_epoch=steps,
                shuffle=False,
                callbacks=callbacks,
                verbose=1 if terminal else 0,
            )
    finally:
        cv2.setNumThreads(threads)
    if checkpoint.state is None or checkpoint.state.epoch < config.schedule.epochs:
        raise SiamliteError(
            "the loss is not a number any more; the training was stopped. Lower the learning rate, for example "
            "--set schedule.learning_rate=0.0005, and begin again with --force."
        )


def _finish(
    run: RunFolder, config: Config, description: dict[str, Any], state: TrainingState, validation: FaceSet, macs: int
) -> FitResult:
    """Deliver the best epoch's tower with its metrics and pictures; the mark that the run is finished comes last."""
    best = run.checkpoints / state.best
    tower = load_keras(best)
    embeddings = embed_pixels(lambda values: tower(values, training=False).numpy(), validation.pixels, config.input)
    result, scores = verify(embeddings, validation.labels)
    fitted = FitResult(run=run, best_epoch=state.best_epoch, epochs=state.epoch, validation=result, macs=macs)
    write_bytes(run.tower, best.read_bytes())
    write_json(run.metrics, fitted.as_mapping())
    _draw(run, scores, result, state.best_epoch, config.recipe)
    write_description(run, description, finished=True)
    return fitted


def _draw(run: RunFolder, scores: PairScores, result: Verification, best_epoch: int, recipe: str) -> None:
    title = f"{recipe}, validation people"
    plot_training(run.plots / "training.png", read_log(run.log), best_epoch, recipe)
    plot_scores(run.plots / "scores.png", scores, result, title)
    plot_roc(run.plots / "roc.png", scores, result, title)
    plot_det(run.plots / "det.png", scores, result, title)
