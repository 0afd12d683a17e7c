"""A trained network as float32 and full int8, by the code that exports towers, and how well each tells people apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.files import write_bytes
from edge_runtime.measures.bootstrap import bootstrap
from edge_runtime.measures.metrics import count_pairs
from edge_runtime.towers.preprocess import InputSpec
from edge_runtime.towers.tower import Embedder
from export.conversion.convert import convert_saved, saved_tower
from export.conversion.recipes import RECIPES
from export.sources.float_tower import KerasTower
from export.sources.keras_file import tower_values
from train.data.faces import FaceSet
from train.keras_quietly import load_keras
from train.measure.verify import summarise
from train.towers.macs import count_macs

FARS = (1e-2, 1e-3)
KINDS = ("float32", "int8")
Rows = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A network, ready to be run.

    Attributes:
        files: The flatbuffers, by their kind.
        parameters: Numbers that the network holds.
        macs: Multiply-accumulates for one picture.
    """

    files: dict[str, bytes]
    parameters: int
    macs: int


def convert(tower: Path, spec: InputSpec, calibration: npt.NDArray[np.uint8], folder: Path) -> Converted:
    """Convert a network both ways, and keep the files.

    Args:
        tower: The ``.keras`` file.
        spec: What it takes in.
        calibration: Pictures that were trained on, uint8 of shape (n, size, size, 3), to set the int8 ranges with.
        folder: Where the files go.

    Raises:
        TowerError: TensorFlow cannot convert it.
    """
    model = load_keras(tower)
    values = tower_values(calibration, spec)
    with saved_tower(KerasTower(model=model, spec=spec)) as saved:
        files = {kind: convert_saved(saved, RECIPES[kind], values) for kind in KINDS}
    for kind, data in files.items():
        write_bytes(folder / f"{kind}.tflite", data)
    return Converted(files=files, parameters=int(model.count_params()), macs=count_macs(model))


def embed(flatbuffer: bytes, spec: InputSpec, faces: FaceSet) -> Rows:
    """Embeddings of faces by a flatbuffer, as a device makes them: float32 of shape (n, d), rows of length 1."""
    embedder = Embedder(flatbuffer, spec)
    return np.stack([embedder.embed_one(np.asarray(pixels)) for pixels in faces.pixels])


def figures(embeddings: Rows, labels: npt.NDArray[np.integer]) -> dict[str, Any]:
    """ROC AUC, EER and TAR of all pairs with 95 % intervals by resampling people.

    Raises:
        DataError: There is no genuine or no impostor pair.
    """
    counts = count_pairs(embeddings, labels)
    found, held = summarise(counts, labels, FARS), bootstrap(embeddings, labels, counts, fars=FARS)
    return {
        "genuine_pairs": found.genuine_pairs,
        "impostor_pairs": found.impostor_pairs,
        "auc": found.auc,
        "eer": found.eer,
        "eer_interval": None if held is None else list(held.eer),
        "tar": {
            f"{far:g}": {"value": tar, "interval": None if held is None else list(held.tar_at_far[at][1])}
            for at, (far, tar) in enumerate(found.tar_at_far)
        },
    }


def likeness(first: Rows, second: Rows) -> dict[str, float]:
    """How near two networks' embeddings of the same pictures are: cosines, rows of length 1."""
    cosines = np.sum(first * second, axis=1)
    return {"mean": float(cosines.mean()), "p5": float(np.percentile(cosines, 5))}
