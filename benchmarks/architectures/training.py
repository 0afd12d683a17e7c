"""The training of each network: the kit's own ``fit``, ended by the budget, and gone on with where it stopped."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.architectures.candidates import Candidate
from edge_runtime.commands.console import say
from train.config import Config
from train.fitting.budget import COLUMN
from train.fitting.fit import fit
from train.fitting.log import read_log
from train.fitting.run import RunFolder, read_description
from train.keras_quietly import keras
from train.recipe import load_config

# What a short training needs of a recipe that is made for a long one. The same for every network.
SHORT = (
    "tower.dropout=0",
    "batch.pictures=2",
    "schedule.epochs=100000",
    "schedule.steps_per_epoch=20",
    "schedule.warmup_epochs=0.5",
    "schedule.ema=0",
    "schedule.norm_batches=10",
    "schedule.watch=last",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Teacher:
    """What is learnt from.

    Attributes:
        path: A tower, or a ``.npz`` file of embeddings.
        faces: Faces as a tower sees them.
    """

    path: Path
    faces: Path | None = None

    @property
    def settings(self) -> list[str]:
        """The recipe's settings."""
        seen = "" if self.path.suffix == ".npz" or self.faces is None else str(self.faces)
        return [f"teacher.path={self.path}", f"teacher.faces={seen}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A finished training.

    Attributes:
        run: The run folder.
        steps: Batches that it took.
        pictures: Pictures that the network was shown, repetitions counted.
        cpu_seconds: Seconds of computing in them.
    """

    run: RunFolder
    steps: int
    pictures: int
    cpu_seconds: float


def config_of(
    candidate: Candidate, start: Path | None, teacher: Teacher, *, recipe: str, minutes: float, settings: Sequence[str]
) -> Config:
    """The configuration of a candidate's training: the recipe, what a short training needs, what the user sets.

    Raises:
        UsageError: A setting is unknown or wrong.
    """
    tower = list(candidate.tower) if start is None else ["tower.name=file", f"tower.weights={start}"]
    return load_config(
        recipe,
        [
            *SHORT,
            *teacher.settings,
            f"schedule.cpu_minutes={minutes}",
            *settings,
            "tower.weights=",
            *tower,
            f"input.size_px={candidate.size_px}",
        ],
    )


def train(data: Path, out: Path, config: Config, split: Path) -> Trained:
    """Train, go on with what was interrupted, or take what is finished.

    Raises:
        SiamliteError: It cannot be trained, or the folder holds another training.
    """
    run = RunFolder(root=out)
    if not (run.config.is_file() and read_description(run).get("finished")):
        say(f"{out.parent.name}: training for {config.schedule.cpu_minutes:g} minutes of computing …")
        keras.backend.clear_session()
        fit(data, out, config, split_file=split)
        gc.collect()
    log = read_log(run.log)
    steps = round(sum(log["steps"]))
    shown = steps * config.batch.people * config.batch.pictures
    return Trained(run=run, steps=steps, pictures=shown, cpu_seconds=sum(log[COLUMN]))
