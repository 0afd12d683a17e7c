"""Evaluation of any tower on any faces: the same pairs and the same numbers for Keras and TFLite."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.align import AlignmentTemplate
from edge_runtime.errors import DataError, TowerError, UsageError
from edge_runtime.faces import FaceFinder
from edge_runtime.files import read_json, write_json
from edge_runtime.metrics import PairScores
from edge_runtime.people import read_faces_mark
from edge_runtime.preprocess import InputSpec
from edge_runtime.tower import Tower
from train.data.faces import FaceSet, load_faces
from train.data.split import read_split
from train.fitting.run import RunFolder, read_description
from train.measure.plots import plot_det, plot_roc, plot_scores
from train.measure.verify import Verification, embed_pixels, verify
from train.prepare.faces import prepare_faces

_log = logging.getLogger(__name__)

Embed = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedTower:
    """A tower to be evaluated, Keras or TFLite.

    Attributes:
        name: What reports call it.
        spec: What it takes in.
        colours: The input specification to load faces with: TFLite towers convert colours themselves.
        template: How its faces must be aligned.
        embed: uint8 pixels in ``colours`` of shape (n, size, size, channels) to embeddings of shape (n, d).
        trained_people: Names of the people that it was trained on, as far as known.
        trained_hashes: SHA-256 of their pictures, as far as known.
    """

    name: str
    spec: InputSpec
    colours: InputSpec
    template: AlignmentTemplate
    embed: Embed
    trained_people: frozenset[str]
    trained_hashes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The result of an evaluation.

    Attributes:
        tower: What was evaluated.
        data: The folder of faces.
        result: The numbers.
        scores: All similarities.
        skipped: Pictures that could not be used.
    """

    tower: str
    data: str
    result: Verification
    scores: PairScores
    skipped: tuple[str, ...]

    def as_mapping(self) -> dict[str, Any]:
        """The values as JSON holds them."""
        return {"tower": self.tower, "data": self.data, "skipped": len(self.skipped), **self.result.as_mapping()}


def load_tower(path: str | Path) -> LoadedTower:
    """Load a run folder, a ``.keras`` file with its ``config.json`` beside it, or a ``.tflite`` file.

    Raises:
        UsageError: It is none of these.
        DataError: The run lacks something.
        TowerError: The tower must not be used.
    """
    place = Path(path)
    if place.suffix == ".tflite":
        return _load_tflite(place)
    if place.is_dir():
        run = RunFolder(root=place)
        if not run.tower.exists():
            raise DataError(f"{place} has no tower.keras: the training is not finished. Run the same fit again.")
        return _load_keras(run.tower, run)
    if place.suffix == ".keras" and place.exists():
        return _load_keras(place, RunFolder(root=place.parent))
    raise UsageError(f"{place} is no tower. Give a run folder, a .keras file or a .tflite file that exists.")


def _load_tflite(path: Path) -> LoadedTower:
    tower = Tower.load(path)
    spec = tower.card.input
    return LoadedTower(
        name=str(path),
        spec=spec,
        colours=InputSpec(size_px=spec.size_px, colour="rgb"),
        template=tower.card.template,
        embed=tower.embed,
        trained_people=frozenset(),
        trained_hashes=frozenset(),
    )


def _load_keras(path: Path, run: RunFolder) -> LoadedTower:
    from train.keras_quietly import load_keras

    description = read_description(run)
    try:
        spec = InputSpec(**description["input"])
        points = tuple((float(x), float(y)) for x, y in description["template"]["points"])
        template = AlignmentTemplate(name=description["template"]["name"], points=points)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{run.config} lacks the input or template ({error}). Train the tower again.") from error
    model = load_keras(path)
    if tuple(model.input_shape[1:]) != spec.shape:
        raise TowerError(f"{path} takes {tuple(model.input_shape[1:])}, but {run.config} says {spec.shape}.")
    people, hashes = _trained_on(run)
    return LoadedTower(
        name=str(path),
        spec=spec,
        colours=spec,
        template=template,
        embed=lambda pixels: embed_pixels(lambda values: model(values, training=False).numpy(), pixels, spec),
        trained_people=people,
        trained_hashes=hashes,
    )


def _trained_on(run: RunFolder) -> tuple[frozenset[str], frozenset[str]]:
    """Names of the people that a run was trained on, and hashes of their pictures, where the files are there."""
    if not run.split.exists():
        return frozenset(), frozenset()
    people = frozenset(read_split(run.split).train)
    held = read_json(run.pictures, what="the pictures of this run") if run.pictures.exists() else {}
    return people, frozenset(digest for name, digest in held.items() if name.split("/")[0] in people)


def evaluate(tower_path: str | Path, data: str | Path, *, people: Sequence[str] = ()) -> Evaluation:
    """Verify all pairs of the faces of a folder.

    Args:
        tower_path: See :func:`load_tower`.
        data: A folder of prepared faces, or of photographs, which are then aligned at the tower's size.
        people: Names of the people to evaluate; all of the folder if empty.

    Raises:
        UsageError: A name is unknown, or the tower was trained on one of the people.
        DataError: The data cannot be used.
        TowerError: The tower must not be used.
    """
    tower = load_tower(tower_path)
    faces, rejected = _load_data(Path(data), tower)
    if people:
        unknown = [name for name in people if name not in faces.people]
        if unknown:
            raise UsageError(f"--people: {', '.join(unknown)} not in {data}. Its people: {_names(faces.people)}.")
        faces = faces.select(people)
    refuse_trained_people(tower, faces)
    result, scores = verify(tower.embed(faces.pixels), faces.labels)
    skipped = (*rejected, *faces.skipped)
    return Evaluation(tower=tower.name, data=str(data), result=result, scores=scores, skipped=skipped)


def _load_data(data: Path, tower: LoadedTower) -> tuple[FaceSet, tuple[str, ...]]:
    """The faces of a folder at the tower's size, and the photographs that gave none."""
    if read_faces_mark(data) is not None:
        faces = load_faces(data, tower.colours)
        if faces.template is not None and not np.allclose(faces.template.points, tower.template.points, atol=1e-6):
            raise DataError(
                f"{data} is aligned by the template {faces.template.name!r}, the tower by {tower.template.name!r}. "
                "Give the folder of photographs; it is then aligned for the tower."
            )
        return faces, ()
    with tempfile.TemporaryDirectory(prefix="siamlite-") as scratch:
        _log.info("%s holds photographs: aligning the faces at %d px", data, tower.spec.size_px)
        finder = FaceFinder(size_px=tower.spec.size_px, template=tower.template)
        prepared = prepare_faces(data, Path(scratch) / "faces", finder=finder)
        for item in prepared.rejected:
            _log.warning("left out %s: %s", item.picture, item.reason)
        return load_faces(prepared.folder, tower.colours), tuple(item.picture for item in prepared.rejected)


def refuse_trained_people(tower: LoadedTower, faces: FaceSet) -> None:
    """Refuse to evaluate on people that the tower was trained on: the numbers would say nothing about strangers.

    Raises:
        UsageError: Someone has the name of a person trained on, or a picture with the same bytes.
    """
    same_bytes = {
        faces.people[label]
        for label, digest in zip(faces.labels, faces.hashes, strict=True)
        if digest in tower.trained_hashes
    }
    known = [name for name in faces.people if name in tower.trained_people or name in same_bytes]
    if known:
        others = [name for name in faces.people if name not in known]
        way = f"Evaluate the others with --people {','.join(others)}" if len(others) > 1 else "Give other people"
        raise UsageError(f"{tower.name} was trained on {len(known)} of these people: {_names(known)}. {way}")


def _names(names: Collection[str], limit: int = 12) -> str:
    shown = ", ".join(list(names)[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def write_evaluation(out: str | Path, evaluation: Evaluation) -> list[Path]:
    """Write ``metrics.json``, ``roc.png``, ``hist.png`` and ``det.png`` into a folder."""
    folder, title = Path(out), Path(evaluation.tower).name
    return [
        write_json(folder / "metrics.json", evaluation.as_mapping()),
        plot_roc(folder / "roc.png", evaluation.scores, evaluation.result, title),
        plot_scores(folder / "hist.png", evaluation.scores, evaluation.result, title),
        plot_det(folder / "det.png", evaluation.scores, evaluation.result, title),
    ]
