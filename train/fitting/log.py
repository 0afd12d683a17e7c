"""The log of a run: one row an epoch, in step with the checkpoint."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from edge_runtime.files import write_bytes
from train.keras_quietly import keras


class EpochLog(keras.callbacks.Callback):
    """Writes a row of all that is known of an epoch; the file is whole at any moment.

    Keras's ``CSVLogger`` keeps the file open, so a kill can leave half a row, and adds empty validation columns.
    """

    def __init__(self, path: Path, finished: int) -> None:
        """Take the file, and how many epochs of it have a checkpoint; rows after those are dropped."""
        super().__init__()
        self._path = path
        self._rows = _read_rows(path)[:finished]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the epoch's row."""
        self._rows.append({"epoch": str(epoch), **{name: repr(float(value)) for name, value in (logs or {}).items()}})
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self._rows[-1]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._rows)
        write_bytes(self._path, text.getvalue().encode())


def _read_rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def read_log(path: Path) -> dict[str, list[float]]:
    """The columns of a log."""
    rows = _read_rows(path)
    return {name: [float(row[name]) for row in rows] for name in (rows[0] if rows else [])}
