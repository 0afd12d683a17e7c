"""Load any tower to be measured: a run folder, a ``.keras`` or a ``.tflite`` file, all behind one interface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError, TowerError, UsageError
from edge_runtime.faces.align import AlignmentTemplate, template_from_values
from edge_runtime.files import read_json
from edge_runtime.towers.preprocess import InputSpec
from edge_runtime.towers.tower import Tower
from train.data.split import Split, read_split
from train.fitting.run import RunFolder, read_description
from train.measure.verify import embed_pixels
from train.towers.beside import ORIGIN, read_beside

Embed = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What is known of the run that a tower comes from.

    Attributes:
        run: Its folder.
        split: Who, or which pictures, were trained on.
        hashes: SHA-256 of each picture by its name; empty where the run has no such list.
    """

    run: RunFolder
    split: Split
    hashes: dict[str, str]

    def hashes_of(self, part: str) -> frozenset[str]:
        """SHA-256 of the pictures of ``"train"``, ``"validation"`` or ``"test"``."""
        names = set(getattr(self.split, part))
        if self.split.by == "pictures":
            return frozenset(digest for name, digest in self.hashes.items() if name in names)
        return frozenset(digest for name, digest in self.hashes.items() if name.split("/")[0] in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedTower:
    """A tower to be evaluated, Keras or TFLite.

    Attributes:
        name: What reports call it.
        spec: What it takes in.
        colours: The input specification to load faces with: TFLite towers convert colours themselves.
        template: How its faces must be aligned; None if it was trained on pictures that are no aligned faces.
        embed: uint8 pixels in ``colours`` of shape (n, size, size, channels) to embeddings of shape (n, d).
        trained_people: Names of the people that it was trained on, as far as known. Empty if its run divided
            pictures, so that the same classes are on both sides by design.
        trained_hashes: SHA-256 of the pictures that it was trained on, as far as known.
        training: The run it comes from, where that is known.
    """

    name: str
    spec: InputSpec
    colours: InputSpec
    template: AlignmentTemplate | None
    embed: Embed
    trained_people: frozenset[str]
    trained_hashes: frozenset[str]
    training: Training | None = None


def load_tower(path: str | Path, *, run: str | Path | None = None) -> LoadedTower:
    """Load a run folder, a ``.keras`` file with what describes it beside it, or a ``.tflite`` file.

    That is the ``config.json`` of a run, or what ``import-dlib`` and ``narrow`` leave.

    Args:
        path: The tower.
        run: The run folder that a ``.tflite`` file was exported from: the file does not hold who was trained on.

    Raises:
        UsageError: It is none of these.
        DataError: The run lacks something.
        TowerError: The tower must not be used.
    """
    place = Path(path)
    if place.suffix == ".tflite":
        return _load_tflite(place, read_training(RunFolder(root=Path(run))) if run else None)
    if run is not None:
        raise UsageError("--run names the run that a .tflite file comes from; a run or .keras file knows its own.")
    if place.is_dir():
        folder = RunFolder(root=place)
        if not folder.tower.exists():
            raise DataError(f"{place} has no tower.keras: the training is not finished. Run the same fit again.")
        # A run that no longer says who was trained on must not be measured as if all people were new to it.
        read_training(folder)
        return _load_keras(folder.tower, folder)
    if place.suffix == ".keras" and place.exists():
        return _load_keras(place, RunFolder(root=place.parent))
    raise UsageError(f"{place} is no tower. Give a run folder, a .keras file or a .tflite file that exists.")


def read_training(run: RunFolder) -> Training:
    """Read who, or which pictures, a run was trained on.

    Raises:
        DataError: The folder is no run, or its files are damaged.
    """
    if not run.split.exists():
        raise DataError(f"{run.root} has no split.json: it is not the whole folder of a run. Give the one fit wrote.")
    held = read_json(run.pictures, what="the pictures of this run") if run.pictures.exists() else {}
    return Training(run=run, split=read_split(run.split), hashes=held)


def _trained(training: Training | None) -> dict[str, Any]:
    if training is None:
        return {"trained_people": frozenset(), "trained_hashes": frozenset(), "training": None}
    by_people = training.split.by == "people"
    return {
        "trained_people": frozenset(training.split.train) if by_people else frozenset(),
        "trained_hashes": training.hashes_of("train"),
        "training": training,
    }


def _load_tflite(path: Path, training: Training | None) -> LoadedTower:
    tower = Tower.load(path)
    spec = tower.card.input
    return LoadedTower(
        name=str(path),
        spec=spec,
        colours=InputSpec(size_px=spec.size_px, colour="rgb"),
        template=tower.card.template,
        embed=tower.embed,
        **_trained(training),
    )


def _load_keras(path: Path, run: RunFolder) -> LoadedTower:
    from train.keras_quietly import load_keras

    spec, template, said = _described(path, run)
    model = load_keras(path)
    if tuple(model.input_shape[1:]) != spec.shape:
        raise TowerError(f"{path} takes {tuple(model.input_shape[1:])}, but {said} says {spec.shape}.")
    return LoadedTower(
        name=str(path),
        spec=spec,
        colours=spec,
        template=template,
        embed=lambda pixels: embed_pixels(lambda values: model(values, training=False).numpy(), pixels, spec),
        **_trained(read_training(run) if run.split.exists() else None),
    )


def _described(path: Path, run: RunFolder) -> tuple[InputSpec, AlignmentTemplate | None, Path]:
    """What a tower takes in, how its faces are cut, and the file that says so: a run's, or an import's."""
    beside = None if run.config.exists() else read_beside(path)
    if beside is not None:
        return beside.spec, beside.template, path.parent / ORIGIN
    description = read_description(run)
    try:
        return InputSpec(**description["input"]), _template(description["template"]), run.config
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{run.config} lacks the input or template ({error}). Train the tower again.") from error


def _template(held: dict[str, Any] | None) -> AlignmentTemplate | None:
    return None if held is None else template_from_values(held)
