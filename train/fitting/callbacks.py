"""What happens after each epoch: verification on people who are not trained on, the log, the checkpoint."""

from __future__ import annotations

import csv
import io
import logging
from pathlib import Path
from typing import Any

from edge_runtime.files import write_bytes
from train.data.faces import FaceSet
from train.fitting.checkpoint import TrainingState, write_state
from train.keras_quietly import keras
from train.measure.verify import embed_pixels, verify

_log = logging.getLogger(__name__)


class ValidationMetrics(keras.callbacks.Callback):
    """Adds ``val_eer``, ``val_auc`` and ``val_tar_far_0.01`` to the logs of each epoch.

    It must stand before the callbacks that write the logs.
    """

    def __init__(self, faces: FaceSet, spec: Any) -> None:
        """Take the faces of the validation people and the tower's input specification."""
        super().__init__()
        self._faces = faces
        self._spec = spec

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Verify all pairs of the validation people."""
        model = self.model
        embeddings = embed_pixels(lambda values: model(values, training=False).numpy(), self._faces.pixels, self._spec)
        result, _ = verify(embeddings, self._faces.labels, fars=(1e-2,))
        if logs is not None:
            logs["val_eer"], logs["val_auc"] = result.eer, result.auc
            tar = result.tar_at_far[0][1]
            logs["val_tar_far_0.01"] = float("nan") if tar is None else tar


class Checkpoint(keras.callbacks.Callback):
    """Writes a checkpoint after each epoch and keeps the tower of the best one, by validation AUC, then EER.

    AUC first: it takes in every pair, where the EER of a few validation people jumps with single pairs.

    It must stand last: a checkpoint means that everything else of the epoch is written.

    Attributes:
        state: The last state that was written or resumed from.
    """

    def __init__(self, folder: Path, tower: Any, state: TrainingState | None) -> None:
        """Take the folder, an uncompiled tower of the same shape to keep the best in, and the state resumed from."""
        super().__init__()
        self._folder = folder
        self._tower = tower
        self.state = state

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the state."""
        eer, auc = float((logs or {})["val_eer"]), float((logs or {})["val_auc"])
        before = self.state
        # Of equals the later one: it has seen more, and few validation people often give a perfect score early.
        better = before is None or (auc, -eer) >= (before.best_auc, -before.best_eer)
        if better:
            self._tower.set_weights(self.model.get_weights())
        kept = self._tower if better else None
        self.state = write_state(self._folder, self.model, kept, epoch=epoch + 1, eer=eer, auc=auc, before=before)


class EpochLines(keras.callbacks.Callback):
    """One line an epoch in the log, for when there is no terminal to show a progress bar on."""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Log the epoch."""
        values = "  ".join(f"{name} {value:.4g}" for name, value in (logs or {}).items())
        _log.info("epoch %d/%d  %s", epoch + 1, self.params["epochs"], values)


def trim_log(path: Path, epochs: int) -> None:
    """Drop the rows of epochs that have no checkpoint from a CSVLogger's file, and a last row that was cut off."""
    if not path.exists():
        return
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
    if not rows:
        return
    header, *rest = rows
    kept = [row for row in rest if len(row) == len(header) and row[0].isdigit() and int(row[0]) < epochs]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *kept])
    write_bytes(path, text.getvalue().encode())


def read_log(path: Path) -> dict[str, list[float]]:
    """The columns of a CSVLogger's file."""
    with open(path, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return {name: [float(row[name]) for row in rows] for name in (rows[0] if rows else [])}
