"""The configuration of a training run: frozen dataclasses that refuse what makes no sense."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge_runtime.errors import UsageError
from edge_runtime.towers.preprocess import InputSpec
from train.config.network import LossConfig, TeacherConfig, TowerConfig
from train.config.pictures import AugmentConfig, BatchConfig, SplitConfig
from train.config.schedule import ScheduleConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration of a run.

    Attributes:
        recipe: Name of the recipe that it came from.
        seed: Seed of everything that is random.
        input: What the tower takes in.
        tower: The network.
        loss: The loss.
        teacher: What to distil from.
        batch: The batches.
        schedule: How long and how fast.
        augment: The augmentations.
        split: How the data is divided.
    """

    recipe: str
    seed: int = 0
    input: InputSpec
    tower: TowerConfig = field(default_factory=TowerConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    batch: BatchConfig = field(default_factory=BatchConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    split: SplitConfig = field(default_factory=SplitConfig)

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with."""
        if self.input.colour == "bgr":
            raise UsageError("a tower is trained on 'grey' or 'rgb' pictures; 'bgr' is for towers that others trained.")
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"seed must be from 0 to {2**32 - 1}, not {self.seed}.")


__all__ = [
    "AugmentConfig",
    "BatchConfig",
    "Config",
    "LossConfig",
    "ScheduleConfig",
    "SplitConfig",
    "TeacherConfig",
    "TowerConfig",
]
