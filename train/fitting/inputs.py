"""What a training starts from: the folder of faces, the division, the teacher's embeddings."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import UsageError
from edge_runtime.faces.align import DEFAULT_TEMPLATE
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.files import read_json, write_json
from edge_runtime.home import cache_folder
from train.config import Config
from train.data.faces import FaceSet, load_faces, same_picture_twice
from train.data.sources.open import needs_preparing
from train.data.split import Split, check_split, divide, part_of, read_split
from train.fitting.run import RunFolder
from train.losses.teacher import teacher_embeddings
from train.prepare.faces import prepare_faces
from train.prepare.workers import available_cores

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a training starts from.

    Attributes:
        folder: Where the pictures were read.
        faces: All of them.
        split: The division.
        train: The pictures to train on.
        validation: The pictures to choose the best epoch on; None where the split has nobody for it.
        teacher: float32 of shape (pictures to train on, t): the teacher's embeddings; None without a teacher.
    """

    folder: Path
    faces: FaceSet
    split: Split
    train: FaceSet
    validation: FaceSet | None
    teacher: npt.NDArray[np.float32] | None


def read_inputs(
    data: Path, run: RunFolder, config: Config, *, split_file: str | Path | None, aligned: bool, force: bool
) -> Inputs:
    """Read the pictures, divide them, and ask the teacher.

    Raises:
        DataError: The pictures cannot be used.
        UsageError: The split or the run folder does not fit them.
    """
    folder = faces_folder(data, run, config, aligned=aligned, force=force)
    faces = load_faces(folder, config.input)
    split = read_split(split_file) if split_file else divide(faces, config.split, seed=config.seed)
    check_split(split, faces.people if split.by == "people" else faces.names)
    _report(faces, split)
    train = part_of(faces, split, "train")
    if train is None:
        raise UsageError("the split has nobody to train on.")
    teacher = None
    if config.teacher.path:
        teacher = teacher_embeddings(config.teacher, folder, train, cache_folder() / "teachers")
    validation = part_of(faces, split, "validation")
    return Inputs(folder=folder, faces=faces, split=split, train=train, validation=validation, teacher=teacher)


def faces_folder(data: Path, run: RunFolder, config: Config, *, aligned: bool, force: bool) -> Path:
    """The folder of prepared faces to train on; photographs are prepared at the tower's size first.

    Raises:
        DataError: Fewer than two people have usable faces.
        UsageError: The run folder has faces of other photographs.
    """
    if aligned or not needs_preparing(data):
        return data
    origin = {"photographs": str(data.resolve()), "size_px": config.input.size_px}
    if run.faces.exists() and not force:
        if not run.origin.exists() or read_json(run.origin, what="the origin of the faces") != origin:
            raise UsageError(
                f"{run.faces} was cut out of other photographs or at another size. Choose another --out, or replace it "
                "with --force."
            )
        _log.info("using the faces that were cut out before: %s", run.faces)
        return run.faces
    write_json(run.origin, origin)
    _log.info("%s holds photographs: cutting the faces out into %s", data, run.faces)
    finder = FaceFinder(size_px=config.input.size_px, template=DEFAULT_TEMPLATE)
    prepared = prepare_faces(data, run.faces, finder=finder, force=force, jobs=available_cores())
    _log.info("kept %d faces, rejected %d photographs", prepared.kept, len(prepared.rejected))
    return run.faces


def _report(faces: FaceSet, split: Split) -> None:
    _log.info("%d pictures of %d people", len(faces.labels), len(faces.people))
    _log.info(
        "%d %s to train on, %d to validate on, %d kept out",
        *(len(split.train), split.by, len(split.validation), len(split.test)),
    )
    if faces.skipped:
        _log.warning("unreadable pictures that are left out: %d", len(faces.skipped))
    if single := len(faces.single_picture_people):
        _log.warning(
            "%s one picture: no genuine pairs of them", "1 person has" if single == 1 else f"{single} people have"
        )
    for first, second in same_picture_twice(faces)[:5]:
        _log.warning("the same picture stands under two people: %s and %s", first, second)
