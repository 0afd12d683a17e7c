"""Pictures taken through every step to an embedding, and what each step gave: what runs on both machines.

It imports edge_runtime and numpy alone, and edge_runtime from wherever it is installed.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

import edge_runtime
from benchmarks.arm.worker import describe
from edge_runtime.errors import DataError
from edge_runtime.faces.align import align_face
from edge_runtime.faces.blazeface import BlazeFace, letterbox
from edge_runtime.faces.detect import Face
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.faces.quality import measure_quality
from edge_runtime.gallery.match import Enrolled, person_similarities
from edge_runtime.images import read_image
from edge_runtime.towers.interpreter import Interpreter
from edge_runtime.towers.shipped import find_tower
from edge_runtime.towers.tower import Tower

# In the order in which a picture goes through them.
STEPS = ("picture", "canvas", "network", "face", "points", "crop", "quality", "raw", "embedding", "similarity")
Values = dict[str, npt.NDArray[Any]]


class _Tap(Interpreter):
    """An interpreter that keeps what it gave last, and once gives what it is told to instead of computing."""

    def __init__(self, tapped: Interpreter) -> None:
        self.__dict__.update(tapped.__dict__)
        self.last: list[npt.NDArray[Any]] = []
        self.instead: list[npt.NDArray[Any]] | None = None

    def run(self, *values: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Run the model once (see :class:`edge_runtime.towers.interpreter.Interpreter`)."""
        told, self.instead = self.instead, None
        self.last = super().run(*values) if told is None else told
        return self.last


class Course:
    """A tower with its face finder, step by step."""

    def __init__(self, tower: str) -> None:
        """Load a tower and the detector as the commands do.

        Args:
            tower: Name of a shipped tower, or the path of a tower file.

        Raises:
            TowerError: One of them cannot be loaded.
        """
        self._tower = Tower.load(find_tower(tower))
        card = self._tower.card
        self._finder = FaceFinder(size_px=card.input.size_px, template=card.template, detector="full-range")
        self._detector = cast(BlazeFace, self._finder.detector)
        self._network = self._detector._interpreter = _Tap(self._detector._interpreter)
        self._embedder = self._tower.interpreter = _Tap(self._tower.interpreter)

    def walk(self, path: Path, given: Mapping[str, npt.NDArray[Any]] | None = None) -> Values:
        """Take a picture through every step but the last.

        Args:
            path: The picture; it has one face.
            given: What each step gave elsewhere: each then begins with that in place of what its forerunner gave here.

        Raises:
            DataError: There is not one face in it.
        """
        made: Values = {"picture": read_image(path)}
        before = made if given is None else given
        made["canvas"] = letterbox(before["picture"], self._detector.model.size_px)[0]
        made["network"] = self._run_network(before["canvas"])
        made["face"] = self._decode(before["picture"], before["network"], path.name)
        face = _face_of(before["face"])
        refiner = self._finder.refiner
        points = refiner.refine(before["picture"], face.landmarks_px) if refiner is not None else face.landmarks_px
        made["points"] = points
        size_px, template = self._finder.size_px, self._finder.template
        made["crop"] = align_face(before["picture"], before["points"].astype(np.float32), size_px, template)
        quality = measure_quality(before["picture"], face, before["crop"])
        made["quality"] = np.array([getattr(quality, name) for name in quality.__slots__], dtype=np.float64)
        self._tower.embed_one(before["crop"])
        made["raw"] = self._embedder.last[0][0]
        self._embedder.instead = [before["raw"][None]]
        made["embedding"] = self._tower.embed_one(before["crop"])
        return made

    def _run_network(self, canvas: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """The detector's outputs side by side: float32 of shape (anchors, values)."""
        self._network.run(canvas.astype(np.float32)[None] * np.float32(1 / 127.5) - np.float32(1))
        return np.concatenate([output[0] for output in self._network.last], axis=1)

    def _decode(
        self, picture: npt.NDArray[Any], network: npt.NDArray[np.float32], name: str
    ) -> npt.NDArray[np.float64]:
        """Box, landmarks and score of the one face: float64 of shape (13,)."""
        split = np.cumsum([output.shape[-1] for output in self._network.outputs])[:-1]
        self._network.instead = [part[None] for part in np.split(network, split, axis=1)]
        faces = self._finder.detector.detect(picture)
        if len(faces) != 1:
            raise DataError(f"{len(faces)} faces were found in {name}; one is needed.")
        return np.array([*faces[0].box_px, *faces[0].landmarks_px.ravel(), faces[0].score], dtype=np.float64)


def _face_of(values: npt.NDArray[np.float64]) -> Face:
    left, top, right, bottom = (float(value) for value in values[:4])
    landmarks = values[4:12].reshape(4, 2).astype(np.float32)
    return Face(box_px=(left, top, right, bottom), landmarks_px=landmarks, score=float(values[12]))


def similarities(embeddings: npt.NDArray[np.float32], people: list[str]) -> npt.NDArray[np.float32]:
    """Each picture's similarity to each person, the device's own way; float32 of shape (pictures, people).

    Args:
        embeddings: float32 of shape (n, d), rows of length 1.
        people: Whose picture each is.
    """
    templates = {name: embeddings[[who == name for who in people]] for name in dict.fromkeys(people)}
    enrolled = Enrolled.of(templates)
    return np.stack([person_similarities(probe, enrolled) for probe in embeddings])


def walk_all(job: dict[str, Any]) -> Values:
    """Take the job's pictures through the steps: each on its own, and from what another machine gave if that is known.

    Args:
        job: ``tower``, ``pictures`` (paths), ``people`` (whose they are) and ``reference``: the result of another
            machine, or null.

    Returns:
        ``chain-STEP`` and, with a reference, ``alone-STEP``, each of shape (pictures, …); ``about``: JSON with the
        machine, the versions, and where siamlite is installed.
    """
    course, paths = Course(job["tower"]), [Path(path) for path in job["pictures"]]
    kinds: dict[str, list[Values]] = {"chain": [course.walk(path) for path in paths]}
    if job["reference"] is not None:
        with np.load(io.BytesIO(Path(job["reference"]).read_bytes()), allow_pickle=False) as held:
            there = {step: held[f"chain-{step}"] for step in STEPS}
        kinds["alone"] = [course.walk(path, {s: there[s][i] for s in STEPS}) for i, path in enumerate(paths)]
    arrays: Values = {}
    for kind, walks in kinds.items():
        stacked = {step: np.stack([walk[step] for walk in walks]) for step in STEPS[:-1]}
        rows = stacked["embedding"] if kind == "chain" else there["embedding"]
        stacked["similarity"] = similarities(rows, job["people"])
        arrays |= {f"{kind}-{step}": values for step, values in stacked.items()}
    about = {**describe(), "siamlite": edge_runtime.__version__, "installed": str(Path(edge_runtime.__file__).parent)}
    return {**arrays, "about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)}
