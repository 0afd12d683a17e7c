"""The losses and samplers that are compared, with margins and scales for thirty people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from train.config import Config
from train.recipe import load_config

RECIPE = Path(__file__).with_name("losses.toml")
# A teacher is a wider and deeper tower, trained on the same people and shown twice as many pictures.
TEACHER = ("tower.width=32", "tower.blocks=[2, 2, 2]", "schedule.epochs=12")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """One row of the comparison.

    Attributes:
        name: What its run is called.
        settings: What differs from the recipe.
        teacher: Whether it learns from the teacher.
    """

    name: str
    settings: tuple[str, ...]
    teacher: bool = False

    def config(self, seed: int, teacher: Path | None = None) -> Config:
        """The configuration of its training.

        Args:
            seed: Of the division of people and of the training.
            teacher: Run folder of the teacher, if it learns from one.
        """
        taught = [f'teacher.path="{teacher}"'] if self.teacher else []
        return load_config(str(RECIPE), [*self.settings, *taught], seed=seed)


def _loss(name: str, *settings: str) -> tuple[str, ...]:
    return (f"loss.name={name}", *(f"loss.{setting}" for setting in settings))


def _sampler(name: str) -> str:
    return f"batch.sampler={name}"


_ARCFACE = _loss("arcface", "margin=0.3", "scale=24")

SETUPS = (
    Setup(name="contrastive-pk", settings=_loss("contrastive")),
    Setup(name="contrastive-pairs", settings=(*_loss("contrastive"), _sampler("pairs"))),
    Setup(name="contrastive-hard-pairs", settings=(*_loss("contrastive"), _sampler("hard-pairs"))),
    Setup(name="triplet-all", settings=_loss("triplet", "mining=all")),
    Setup(name="triplet-hard", settings=_loss("triplet", "mining=hard")),
    Setup(name="triplet-semi-hard", settings=_loss("triplet", "mining=semi-hard")),
    Setup(name="pair-bce-pk", settings=_loss("pair-bce")),
    Setup(name="pair-bce-pairs", settings=(*_loss("pair-bce"), _sampler("pairs"))),
    Setup(name="pair-bce-hard-pairs", settings=(*_loss("pair-bce"), _sampler("hard-pairs"))),
    Setup(name="multi-similarity", settings=_loss("multi-similarity")),
    Setup(name="arcface", settings=_ARCFACE),
    Setup(name="arcface-sampled", settings=(*_ARCFACE, "loss.sampled_classes=8")),
    Setup(name="arcface-pairs", settings=(*_ARCFACE, _sampler("pairs"))),
    Setup(name="cosface", settings=_loss("cosface", "margin=0.2", "scale=24")),
    Setup(name="teacher", settings=_loss("none"), teacher=True),
    Setup(name="teacher-triplet", settings=_loss("triplet", "mining=semi-hard"), teacher=True),
)
