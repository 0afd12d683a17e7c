"""What happens around each epoch: the next batches, verification of people who are not trained on, the checkpoint."""

from __future__ import annotations

import logging
import math
import time
from pathlib import Path
from typing import Any

from edge_runtime.errors import SiamliteError
from train.batches.stream import BatchStream
from train.fitting.checkpoint import TrainingState, write_state
from train.fitting.validation import Validation
from train.keras_quietly import keras, known_warnings

_log = logging.getLogger(__name__)


class EpochStart(keras.callbacks.Callback):
    """Makes an epoch depend on its number alone, and logs the share of its time that was spent waiting for batches.

    It must stand first: what comes after it at the end of an epoch is not training.
    """

    def __init__(self, stream: BatchStream, seed: int) -> None:
        """Take the stream and the run's seed."""
        super().__init__()
        self._stream = stream
        self._seed = seed
        self._began = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Begin an epoch."""
        self._stream.begin(epoch, self.model.memory())
        self.model.reseed(self._seed, epoch)
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Add ``seconds`` and ``waiting`` (0 to 1) to the logs, and stop at a loss that is not a number."""
        logs = {} if logs is None else logs
        if not math.isfinite(float(logs.get("loss", math.nan))):
            raise SiamliteError(
                "the loss is not a number any more; the training was stopped. Lower the learning rate, for example "
                "--set schedule.learning_rate=0.0005, and begin again with --force."
            )
        seconds = time.perf_counter() - self._began
        logs["seconds"], logs["waiting"] = seconds, min(1.0, self._stream.waited_s / max(seconds, 1e-9))


class ValidationMetrics(keras.callbacks.Callback):
    """Adds the validation people's metrics to the logs of each epoch.

    It must stand before the callbacks that write the logs.
    """

    def __init__(self, validation: Validation) -> None:
        """Take what measures the validation people."""
        super().__init__()
        self._validation = validation

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Verify the validation people."""
        if logs is not None:
            logs.update(self._validation.measure(self.model.tower, self.model.objective))


class Checkpoint(keras.callbacks.Callback):
    """Writes a checkpoint after each epoch, keeps the tower of the best one, and stops when patience is at its end.

    It must stand last: a checkpoint means that everything else of the epoch is written.

    Attributes:
        state: The last state that was written or resumed from.
    """

    def __init__(self, folder: Path, tower: Any, state: TrainingState | None, *, watch: str, patience: int) -> None:
        """Take where to write and what to go by.

        Args:
            folder: The run's folder of checkpoints.
            tower: An uncompiled float32 tower of the same shape, to keep the best in.
            state: The state resumed from.
            watch: What makes an epoch the best (:class:`train.config.ScheduleConfig`).
            patience: Epochs without a better one before the training stops; 0 for never.
        """
        super().__init__()
        self._folder = folder
        self._tower = tower
        self._watch = watch
        self._patience = patience
        self.state = state

    def keep_untrained(self, model: Any) -> None:
        """Write the state before the first epoch, for a recipe that has none."""
        self._tower.set_weights(model.tower.get_weights())
        with known_warnings():
            self.state = write_state(self._folder, model, self._tower, epoch=0, score=(0.0,), before=None)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the state."""
        score = epoch_score(self._watch, epoch, logs or {})
        before = self.state
        # Of equals the later one: it has seen more, and few validation people often give a perfect score early.
        better = before is None or list(score) >= before.best_score
        if better:
            self._tower.set_weights(self.model.tower.get_weights())
        kept = self._tower if better else None
        self.state = write_state(self._folder, self.model, kept, epoch=epoch + 1, score=score, before=before)
        if self._patience and self.state.epoch - self.state.improved_epoch >= self._patience:
            _log.info("no better epoch in %d; stopping after epoch %d", self._patience, self.state.epoch)
            self.model.stop_training = True


def epoch_score(watch: str, epoch: int, logs: dict[str, Any]) -> tuple[float, ...]:
    """How good an epoch is, as numbers that are compared one after the other."""
    if watch == "last" or "val_auc" not in logs:
        return (float(epoch),)
    if watch == "tar":
        return float(logs["val_tar"]), float(logs["val_auc"])
    return float(logs["val_auc"]), -float(logs["val_eer"])


class EpochLines(keras.callbacks.Callback):
    """One line an epoch in the log, for when there is no terminal to show a progress bar on."""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Log the epoch."""
        values = "  ".join(f"{name} {value:.4g}" for name, value in (logs or {}).items())
        _log.info("epoch %d/%d  %s", epoch + 1, self.params["epochs"], values)
