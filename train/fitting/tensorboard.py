"""What TensorBoard shows besides the curves: histograms of the scores, and the embeddings of the delivered tower."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.files import write_bytes
from edge_runtime.measures.metrics import unit_rows
from train.data.faces import FaceSet
from train.fitting.validation import Validation
from train.keras_quietly import keras, tf

# The projector runs in a browser; more points than this make it slow.
_MOST_POINTS = 2000


class ScoreHistograms(keras.callbacks.Callback):
    """Writes histograms of genuine and impostor similarities of the validation people after each epoch.

    It must stand after the validation metrics.
    """

    def __init__(self, folder: Path, validation: Validation) -> None:
        """Take TensorBoard's folder and the validation people."""
        super().__init__()
        self._folder = folder / "validation-scores"
        self._validation = validation
        self._writer: Any = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the histograms of an epoch."""
        scores = self._validation.scores
        if scores is None:
            return
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self._folder))
        with self._writer.as_default(step=epoch):
            tf.summary.histogram("similarity/genuine", scores.genuine, buckets=50)
            tf.summary.histogram("similarity/impostor", scores.impostor, buckets=50)
        self._writer.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()


def write_projector(folder: Path, embeddings: npt.NDArray[np.float32], faces: FaceSet) -> Path:
    """Write embeddings where TensorBoard's projector finds them; no picture goes there.

    Args:
        folder: TensorBoard's folder.
        embeddings: Shape (n, d), scaled to length 1 on the way.
        faces: Whose they are.

    Returns:
        Path of ``projector_config.pbtxt``.
    """
    step = -(-len(embeddings) // _MOST_POINTS)
    rows = unit_rows(embeddings)[::step]
    write_bytes(folder / "projector" / "embeddings.tsv", _tsv([[f"{value:.5f}" for value in row] for row in rows]))
    people = [
        [faces.people[label], name] for label, name in zip(faces.labels[::step], faces.names[::step], strict=True)
    ]
    write_bytes(folder / "projector" / "people.tsv", _tsv([["person", "picture"], *people]))
    # The text form of ProjectorConfig: three fields, for which its library would be a dependency.
    config = (
        'embeddings {\n  tensor_name: "validation people"\n'
        '  tensor_path: "projector/embeddings.tsv"\n  metadata_path: "projector/people.tsv"\n}\n'
    )
    return write_bytes(folder / "projector_config.pbtxt", config.encode())


def _tsv(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
