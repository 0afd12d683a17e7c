"""The configuration of a training run: frozen dataclasses that refuse what makes no sense."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

from edge_runtime.errors import UsageError
from edge_runtime.preprocess import InputSpec


def _within(section: Any, name: str, low: float, high: float) -> None:
    """Refuse a number outside [low, high]."""
    value = getattr(section, name)
    if not (math.isfinite(value) and low <= value <= high):
        where = type(section).__name__.removesuffix("Config").lower()
        raise UsageError(f"{where}.{name} must be from {low:g} to {high:g}, not {value!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class TowerConfig:
    """The network.

    Attributes:
        name: A tower of :mod:`train.towers`.
        width: Channels of the first stage; each further stage doubles them.
        blocks: Residual blocks of each stage; every stage halves the side.
        embedding_length: Length of the embedding.
        head: ``"average"`` (global average pooling) or ``"flatten"`` before the embedding layer.
        dropout: Share of values dropped before the embedding layer, 0 to 0.9.
    """

    name: str = "plain"
    width: int = 24
    blocks: tuple[int, ...] = (1, 1, 1, 1)
    embedding_length: int = 128
    head: str = "flatten"
    dropout: float = 0.2

    def __post_init__(self) -> None:
        """Refuse values that make no network."""
        _within(self, "width", 4, 256)
        _within(self, "embedding_length", 2, 4096)
        _within(self, "dropout", 0, 0.9)
        if not 1 <= len(self.blocks) <= 5 or not all(1 <= count <= 16 for count in self.blocks):
            raise UsageError(f"tower.blocks must be 1 to 5 numbers from 1 to 16, not {list(self.blocks)}.")
        if self.head not in ("average", "flatten"):
            raise UsageError(f"tower.head must be 'average' or 'flatten', not {self.head!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LossConfig:
    """The loss.

    Attributes:
        name: A loss of :mod:`train.losses`.
        margin: Its margin, a Euclidean distance of unit embeddings (0 to 2) or, for triplets, a squared one (0 to 4).
    """

    name: str = "triplet"
    margin: float = 0.2

    def __post_init__(self) -> None:
        """Refuse margins that no two unit vectors can have."""
        _within(self, "margin", 0.001, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchConfig:
    """P×K batches: ``people`` people with ``pictures`` pictures each."""

    people: int = 16
    pictures: int = 4

    def __post_init__(self) -> None:
        """A batch needs genuine and impostor pairs."""
        _within(self, "people", 2, 1024)
        _within(self, "pictures", 2, 64)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleConfig:
    """How long and how fast to train: AdamW, a linear warm-up, then a cosine down to zero.

    Attributes:
        epochs: Number of epochs; metrics are computed and a checkpoint is written after each.
        steps_per_epoch: Batches in an epoch.
        warmup_epochs: Epochs of the warm-up.
        learning_rate: Peak of the learning rate.
        weight_decay: Decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101).
    """

    epochs: int = 40
    steps_per_epoch: int = 100
    warmup_epochs: float = 1.0
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2

    def __post_init__(self) -> None:
        """Refuse numbers that train nothing."""
        _within(self, "epochs", 1, 100_000)
        _within(self, "steps_per_epoch", 1, 1_000_000)
        _within(self, "warmup_epochs", 0, self.epochs)
        _within(self, "learning_rate", 1e-8, 10)
        _within(self, "weight_decay", 0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentConfig:
    """Probabilities of the augmentations (0 to 1) and the reach of the geometric ones; see :mod:`train.augment`.

    Attributes:
        flip: Probability of mirroring.
        affine: Probability of rotation, scaling and shift together.
        rotate_deg: Largest rotation in degrees.
        scale: Largest relative change of size.
        shift: Largest shift as a share of the side.
        turn: Probability of a turn or nod of the head.
        light: Probability of another brightness, contrast and gamma.
        shade: Probability of light from one side.
        blur: Probability of a Gaussian blur.
        low_resolution: Probability of a reduction to a lower resolution and back.
        noise: Probability of sensor noise.
        jpeg: Probability of JPEG artefacts.
        occlude: Probability of a covered rectangle.
        background: Probability of another background around the face.
    """

    flip: float = 0.5
    affine: float = 0.8
    rotate_deg: float = 8.0
    scale: float = 0.08
    shift: float = 0.04
    turn: float = 0.2
    light: float = 0.6
    shade: float = 0.2
    blur: float = 0.15
    low_resolution: float = 0.15
    noise: float = 0.2
    jpeg: float = 0.15
    occlude: float = 0.2
    background: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no probability."""
        reach = {"rotate_deg": 90.0, "scale": 0.5, "shift": 0.5}
        for entry in fields(self):
            _within(self, entry.name, 0, reach.get(entry.name, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitConfig:
    """How people are divided: ``validation`` is the share of the people who are not trained on."""

    validation: float = 0.2

    def __post_init__(self) -> None:
        """Both halves need someone."""
        _within(self, "validation", 0.01, 0.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration of a run.

    Attributes:
        recipe: Name of the recipe that it came from.
        seed: Seed of everything that is random.
        input: What the tower takes in.
        tower: The network.
        loss: The loss.
        batch: The batches.
        schedule: How long and how fast.
        augment: The augmentations.
        split: How people are divided.
    """

    recipe: str
    seed: int = 0
    input: InputSpec
    tower: TowerConfig = field(default_factory=TowerConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    batch: BatchConfig = field(default_factory=BatchConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    split: SplitConfig = field(default_factory=SplitConfig)

    def __post_init__(self) -> None:
        """Refuse what numpy's seeding would."""
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"seed must be from 0 to {2**32 - 1}, not {self.seed}.")
