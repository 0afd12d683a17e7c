"""A run folder: what it was made of, whether it may be resumed, and what it says of itself."""

from __future__ import annotations

import json
import platform
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import edge_runtime
from edge_runtime.errors import DataError, UsageError
from edge_runtime.faces.align import template_values
from edge_runtime.files import read_json, sha256_file, write_json
from train.config import Config
from train.data.faces import FaceSet
from train.data.sources.open import source_name
from train.data.split import PARTS, Split
from train.recipe import config_to_mapping

_PACKAGES = ("tensorflow", "keras", "numpy", "opencv")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """The files of a run."""

    root: Path

    @property
    def config(self) -> Path:
        """What the run was made of."""
        return self.root / "config.json"

    @property
    def split(self) -> Path:
        """Who was trained on and who was not."""
        return self.root / "split.json"

    @property
    def pictures(self) -> Path:
        """SHA-256 of each picture."""
        return self.root / "pictures.json"

    @property
    def tower(self) -> Path:
        """The finished tower."""
        return self.root / "tower.keras"

    @property
    def log(self) -> Path:
        """Loss and metrics of each epoch."""
        return self.root / "log.csv"

    @property
    def metrics(self) -> Path:
        """Verification metrics of the best epoch."""
        return self.root / "metrics.json"

    @property
    def checkpoints(self) -> Path:
        """Where the training stands."""
        return self.root / "checkpoints"

    @property
    def tensorboard(self) -> Path:
        """Event files for TensorBoard."""
        return self.root / "tensorboard"

    @property
    def plots(self) -> Path:
        """Pictures of the training and its result."""
        return self.root / "plots"

    @property
    def origin(self) -> Path:
        """Which photographs the faces were cut out of."""
        return self.root / "origin.json"

    @property
    def faces(self) -> Path:
        """Faces that were cut out for this run."""
        return self.root / "faces"


def describe_run(config: Config, faces: FaceSet, split: Split, data: Path) -> dict[str, Any]:
    """What ``config.json`` holds: all that the run depends on, and what it was made with."""
    values = config_to_mapping(config)
    spec = values["input"]
    return {
        "recipe": config.recipe,
        "seed": config.seed,
        "input": {key: spec[key] for key in ("size_px", "colour", "scale", "offset")},
        "template": None if faces.template is None else template_values(faces.template),
        "embedding_length": config.tower.embedding_length,
        "tower": values["tower"],
        "loss": values["loss"],
        "teacher": {**values["teacher"], "sha256": _teacher_sha256(config.teacher.path)},
        "batch": values["batch"],
        "schedule": values["schedule"],
        "augment": values["augment"],
        "split": values["split"],
        "data": source_name(data),
        "data_sha256": faces.sha256,
        "people": len(faces.people),
        "pictures": len(faces.labels),
        "single_picture_people": list(faces.single_picture_people),
        "skipped": list(faces.skipped),
        "train_people": len(split.train),
        "validation_people": len(split.validation),
        "test_people": len(split.test),
        "versions": made_with(),
        "finished": False,
    }


def _teacher_sha256(path: str) -> str | None:
    """Hash of the teacher's file, or of the tower in a run folder; None without a teacher."""
    place = Path(path)
    return sha256_file(place / "tower.keras" if place.is_dir() else place) if path else None


def made_with() -> dict[str, str]:
    """Versions of the packages that shape a run."""
    versions = {"python": platform.python_version(), "siamlite": edge_runtime.__version__}
    for name in _PACKAGES:
        versions[name] = _opencv_version() if name == "opencv" else version(name)
    return versions


def _opencv_version() -> str:
    import cv2

    return str(cv2.__version__)


def open_run(run: RunFolder, description: dict[str, Any], split: Split, *, force: bool) -> bool:
    """Begin a run, or find that an unfinished one is to be resumed.

    Args:
        run: The folder.
        description: What :func:`describe_run` gives.
        split: Who is trained on.
        force: Begin again, whatever is there.

    Returns:
        Whether the run is resumed.

    Raises:
        UsageError: It is finished, has another configuration, or the folder holds something else.
        DataError: Its files are damaged.
    """
    if run.config.exists() and not force:
        check_resumable(run, description)
        held = read_json(run.split, what="the split of this run")
        if any(held.get(part, []) != list(getattr(split, part)) for part in PARTS):
            raise UsageError(f"{run.root} has another split. Choose another --out, or replace it with --force.")
        return True
    if run.root.exists():
        _clear(run, force=force)
    return False


def check_resumable(run: RunFolder, description: dict[str, Any]) -> None:
    """Refuse to go on with a run that is finished or that is another one.

    Raises:
        UsageError: It cannot be resumed.
        DataError: Its configuration cannot be read.
    """
    held = read_json(run.config, what="the configuration of this run")
    if held.get("finished"):
        raise UsageError(f"{run.root} is a finished run. Choose another --out, or replace it with --force.")
    wanted = json.loads(json.dumps(description))
    changed = [key for key in wanted if key not in ("versions", "finished") and held.get(key) != wanted[key]]
    if changed:
        raise UsageError(
            f"{run.root} is an unfinished run with another configuration ({', '.join(changed)}). Give the same options "
            "to resume it, choose another --out, or replace it with --force."
        )


def _clear(run: RunFolder, *, force: bool) -> None:
    """Remove the files of a run, and only those; the faces that were cut out for it stay."""
    ours = (run.config, run.split, run.pictures, run.tower, run.log, run.metrics)
    folders = (run.checkpoints, run.tensorboard, run.plots)
    known = {path.name for path in (*ours, *folders, run.faces, run.origin)}
    if not run.root.is_dir():
        raise UsageError(f"{run.root} is a file. Choose another --out.")
    # A hidden folder is what an interrupted preparation left behind.
    foreign = sorted(path.name for path in run.root.iterdir() if path.name not in known and path.name[0] != ".")
    if foreign:
        raise UsageError(f"{run.root} holds {foreign[0]!r}, which is no part of a run. Choose another --out.")
    taken = any(path.exists() for path in (*ours, *folders))
    if taken and not force:
        raise UsageError(f"{run.root} exists already. Choose another --out, or replace it with --force.")
    for path in ours:
        path.unlink(missing_ok=True)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def write_description(run: RunFolder, description: dict[str, Any], *, finished: bool) -> Path:
    """Write ``config.json``."""
    return write_json(run.config, {**description, "finished": finished})


def read_description(run: RunFolder) -> dict[str, Any]:
    """Read ``config.json``.

    Raises:
        DataError: It is missing or is not one.
    """
    if not run.config.exists():
        raise DataError(f"{run.root} lacks config.json. Make a run: python -m train fit --data DIR --out RUN")
    return read_json(run.config, what="the configuration of this run")
