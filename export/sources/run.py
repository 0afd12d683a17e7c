"""Reading the folder that ``python -m train fit`` wrote."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_runtime.errors import DataError, UsageError
from edge_runtime.faces.align import AlignmentTemplate, template_from_values
from edge_runtime.files import read_json
from edge_runtime.towers.preprocess import InputSpec

# What of the configuration travels with the tower. Never the data folder: a path names the user and the machine.
_PUBLIC_KEYS = (
    "recipe",
    "seed",
    "loss",
    "versions",
    "data_sha256",
    "people",
    "pictures",
    "train_people",
    "validation_people",
    "finished",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A finished training run.

    Attributes:
        folder: The run's folder.
        tower: Its Keras file.
        spec: What the tower takes in.
        template: Where landmarks lie in its crops.
        embedding_length: Length of its embeddings.
        data: The folder of prepared faces that it was trained on; it may be gone by now.
        train: Names of the people trained on.
        validation: Names of the people held out: those who chose the best epoch, or the test people where there are
            none of these.
        test: Names of the people who were kept out of the training altogether.
        config: The whole configuration, as it was written.
    """

    folder: Path
    tower: Path
    spec: InputSpec
    template: AlignmentTemplate
    embedding_length: int
    data: Path
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    config: dict[str, Any]

    @property
    def name(self) -> str:
        """What the tower is called unless the user says otherwise: its training recipe, or else the folder."""
        recipe = self.config.get("recipe")
        return recipe if isinstance(recipe, str) and recipe else self.folder.resolve().name


def read_run(folder: str | Path) -> Run:
    """Read a run's folder; the Keras file itself is not opened.

    Raises:
        DataError: The folder is missing, or its ``config.json`` or ``split.json`` cannot be used.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{root} is not the folder of a training run. Train one: python -m train fit --out {root}")
    config = read_json(root / "config.json", what="the configuration of this run")
    split = read_json(root / "split.json", what="the split of this run")
    if "template" in config and config["template"] is None:
        raise DataError(
            f"{root} was trained on pictures that are no aligned faces; a device tower needs faces. "
            "Train on faces to export: python -m train fit --data FACES --out RUN"
        )
    if split.get("by") == "pictures":
        raise UsageError(
            f"{root} was split by pictures: its people are on both sides, so nothing can be said about strangers. "
            "Train with --set split.by=people to export it."
        )
    try:
        spec = InputSpec(**config["input"])
        test = _names(split.get("test", []))
        template = template_from_values(config["template"])
        run = Run(
            folder=root,
            tower=root / "tower.keras",
            spec=spec,
            template=template,
            embedding_length=int(config["embedding_length"]),
            data=_data_folder(root, Path(str(config["data"]))),
            train=_names(split["train"]),
            validation=_names(split["validation"]) or test,
            test=test,
            config=config,
        )
    except (KeyError, TypeError, ValueError, UsageError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise DataError(f"config.json or split.json in {root} cannot be used: {what}. Train again.") from error
    both = set(run.train) & {*run.validation, *run.test}
    if both:
        raise DataError(f"split.json in {root} has {', '.join(sorted(both))} in training and validation. Train again.")
    return run


def _data_folder(root: Path, recorded: Path) -> Path:
    """Where the faces are: as recorded, or in the run, if it cut them out itself and has moved since."""
    own = root / "faces"
    return own if (root / "origin.json").is_file() and recorded.name == own.name and own.is_dir() else recorded


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError("the split must be lists of names")
    return tuple(value)


def public_training(run: Run) -> dict[str, Any]:
    """What the card says of the training: no path of the user's machine and no names of people."""
    return {key: _without_private(run.config[key]) for key in _PUBLIC_KEYS if key in run.config}


def _without_private(value: Any, *, top: bool = True) -> Any:
    if isinstance(value, list):
        # A list at the top would be the people themselves; their number is enough.
        return len(value) if top else [_without_private(item, top=False) for item in value]
    if isinstance(value, dict):
        return {str(key): _without_private(item, top=False) for key, item in value.items()}
    if isinstance(value, str) and (value.startswith(("/", "~", "\\")) or value[1:3] in (":\\", ":/")):
        return "(a path, left out)"
    return value
