"""The end of a training: the best epoch's tower, its metrics and pictures, the mark that the run is finished."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_runtime.files import write_bytes, write_json
from edge_runtime.measures.metrics import PairScores
from train.config import Config
from train.data.faces import FaceSet
from train.fitting.checkpoint import TrainingState
from train.fitting.closing import close
from train.fitting.inputs import Inputs
from train.fitting.log import read_log
from train.fitting.run import RunFolder, write_description
from train.fitting.tensorboard import write_projector
from train.keras_quietly import known_warnings, load_keras
from train.measure.plots import plot_det, plot_roc, plot_scores, plot_training
from train.measure.verify import Verification, embed_pixels, verify
from train.towers.macs import count_macs

_log = logging.getLogger(__name__)

_MOST_PICTURES = 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class FitResult:
    """What a training gave.

    Attributes:
        run: The run folder.
        best_epoch: The epoch (from 1) whose tower was kept.
        epochs: Number of epochs.
        validation: Verification of the validation people with that tower; None where there are none.
        macs: Multiply-accumulates of one forward pass.
        seconds: Time spent in epochs and in what follows the last one.
        waiting: Share of the time in epochs that was spent waiting for batches, 0 to 1.
    """

    run: RunFolder
    best_epoch: int
    epochs: int
    validation: Verification | None
    macs: int
    seconds: float
    waiting: float

    def as_mapping(self) -> dict[str, Any]:
        """What ``metrics.json`` holds."""
        return {
            "best_epoch": self.best_epoch,
            "epochs": self.epochs,
            "macs": self.macs,
            "seconds": round(self.seconds, 1),
            "waiting": round(self.waiting, 4),
            "validation": self.validation.as_mapping() if self.validation else None,
        }


def deliver(
    run: RunFolder, config: Config, description: dict[str, Any], state: TrainingState, inputs: Inputs
) -> FitResult:
    """Write the tower, its metrics and its pictures; the mark that the run is finished comes last."""
    best = run.checkpoints / state.best
    tower = load_keras(best)
    began = time.perf_counter()
    if close(tower, inputs.train, config):
        best = run.checkpoints / "delivered.keras"
        with known_warnings():
            tower.save(str(best))
    write_bytes(run.tower, best.read_bytes())
    closing = time.perf_counter() - began
    log = read_log(run.log)
    result = _verify(run, config, tower, inputs.validation, state.best_epoch)
    seconds = sum(log.get("seconds", []))
    fitted = FitResult(
        run=run,
        best_epoch=state.best_epoch,
        epochs=state.epoch,
        validation=result,
        macs=count_macs(tower),
        seconds=seconds + closing,
        waiting=float(np.dot(log["seconds"], log["waiting"]) / seconds) if seconds else 0.0,
    )
    write_json(run.metrics, fitted.as_mapping())
    if log:
        plot_training(run.plots / "training.png", log, state.best_epoch, config.recipe)
    write_description(run, description, finished=True)
    return fitted


def _verify(
    run: RunFolder, config: Config, tower: Any, validation: FaceSet | None, best_epoch: int
) -> Verification | None:
    if validation is None:
        return None
    if len(validation.labels) > _MOST_PICTURES:
        rng = np.random.default_rng([config.seed, 0xDE11])
        validation = validation.take(np.sort(rng.permutation(len(validation.labels))[:_MOST_PICTURES]))
    embeddings = embed_pixels(lambda values: tower(values, training=False).numpy(), validation.pixels, config.input)
    result, scores = verify(embeddings, validation.labels)
    _draw(run, scores, result, config.recipe)
    write_projector(run.tensorboard, embeddings, validation)
    return result


def _draw(run: RunFolder, scores: PairScores, result: Verification, recipe: str) -> None:
    title = f"{recipe}, validation people"
    plot_scores(run.plots / "scores.png", scores, result, title)
    plot_roc(run.plots / "roc.png", scores, result, title)
    plot_det(run.plots / "det.png", scores, result, title)
