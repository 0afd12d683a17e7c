"""The towers to compare: the user's own, or a face tower of two kinds, each converted in three ways."""

from __future__ import annotations

import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.errors import TowerError, UsageError
from edge_runtime.faces.align import DEFAULT_TEMPLATE, AlignmentTemplate
from edge_runtime.files import write_bytes
from edge_runtime.towers.bundle import read_bundle
from edge_runtime.towers.interpreter import Interpreter
from edge_runtime.towers.preprocess import InputSpec

# The first is nearly linear: fixed edges and one layer. The second is a trained convolutional network.
RECIPES = ("few-people", "att")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A tower file to compare.

    Attributes:
        name: The file's name without its suffix.
        file: The file.
        spec: What the tower takes in.
        template: Where landmarks must lie in its crops.
        has_card: Whether the file is a whole tower file; else it is a bare flatbuffer.
        kind: ``int8`` (in and out), ``float32`` (in and out, whatever is inside), or both types.
    """

    name: str
    file: Path
    spec: InputSpec
    template: AlignmentTemplate
    has_card: bool
    kind: str

    def as_job(self, crops: Path) -> dict[str, Any]:
        """What the worker is told (see :func:`benchmarks.arm.worker.run_job`)."""
        given = None if self.has_card else asdict(self.spec)
        return {"name": self.name, "file": str(self.file.resolve()), "crops": str(crops.resolve()), "input": given}


def look_at(path: Path) -> Candidate:
    """What a tower file or a bare flatbuffer is.

    A flatbuffer without a card does not say what it takes in: one channel is taken for grey, three for RGB, scaled to
    −1 to 1.

    Raises:
        TowerError: The file is missing, damaged, or no tower.
    """
    template = DEFAULT_TEMPLATE
    try:
        has_card = zipfile.is_zipfile(path)
        flatbuffer = path.read_bytes()
    except OSError as error:
        raise TowerError(
            f"cannot read the tower {path}: {error.strerror or error}. Give a tower file with --tower."
        ) from error
    if has_card:
        bundle = read_bundle(path)
        flatbuffer, template = bundle.flatbuffer, bundle.card.template
    interpreter = Interpreter(flatbuffer)
    shape = interpreter.inputs[0].shape if len(interpreter.inputs) == 1 else ()
    if len(shape) != 4 or shape[1] != shape[2] or shape[3] not in (1, 3):
        raise TowerError(f"{path} is no tower: it takes {[tensor.shape for tensor in interpreter.inputs]}.")
    spec = bundle.card.input if has_card else InputSpec(size_px=shape[1], colour="grey" if shape[3] == 1 else "rgb")
    kinds = {interpreter.inputs[0].dtype, interpreter.outputs[0].dtype}
    return Candidate(
        name=path.stem, file=path, spec=spec, template=template, has_card=has_card, kind=" and ".join(sorted(kinds))
    )


def look_at_all(paths: list[Path]) -> list[Candidate]:
    """The towers of some files.

    Raises:
        TowerError: One of them is no tower.
        UsageError: Two of them have one name.
    """
    found = [look_at(path) for path in paths]
    names = [candidate.name for candidate in found]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two towers are called {name}: give them different file names.")
    return found


def make_towers(work: Path, *, wheels: Path | None = None) -> list[Path]:
    """Train a tower by each of :data:`RECIPES` on the AT&T faces and convert it to int8, dynamic range and float32.

    Trainings and files that are there from an earlier call are kept.

    Args:
        work: Folder for everything.
        wheels: Folder with the wheels of the faces and the detectors, for use without network.

    Raises:
        SiamliteError: The faces are not to be had, or a tower cannot be made.
    """
    from benchmarks.seeds.att import convert
    from benchmarks.seeds.faces import prepared_att
    from benchmarks.seeds.training import train
    from train.recipe import load_config

    made = []
    for recipe in RECIPES:
        config = load_config(recipe, ("split.by=people", "split.validation=0", "split.test=0.25"), seed=1)
        data = prepared_att(work, size_px=config.input.size_px, wheels=wheels)
        run = train(data, work / recipe, config).run
        files = {kind: work / f"{recipe}-{kind}.tflite" for kind in ("int8", "dynamic", "float32")}
        if not files["int8"].exists() and convert(run, data, files["int8"]) is None:
            raise TowerError(f"the gate refused the int8 tower of the recipe {recipe}.")
        for kind in ("dynamic", "float32"):
            if not files[kind].exists():
                write_bytes(files[kind], convert_bare(run, kind))
        made += list(files.values())
    return made


def convert_bare(run: Path, recipe: str) -> bytes:
    """Convert a run's tower to a flatbuffer without a card.

    Args:
        run: The run folder.
        recipe: A recipe of ``export`` that needs no representative set.

    Raises:
        TowerError: TensorFlow cannot convert it.
    """
    from export.conversion.convert import convert_tower
    from export.conversion.recipes import find_recipe
    from export.sources.float_tower import KerasTower
    from export.sources.keras_file import load_keras_tower
    from export.sources.run import read_run

    trained = read_run(run)
    model = load_keras_tower(trained.tower, trained.spec, embedding_length=trained.embedding_length)
    nothing = np.empty((0, *trained.spec.shape), dtype=np.float32)
    return convert_tower(KerasTower(model=model, spec=trained.spec), find_recipe(recipe), nothing)
