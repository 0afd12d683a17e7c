"""Losses by name: what each takes, what that is where a recipe says nothing, and the objective of a training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edge_runtime.errors import UsageError
from train.config import Config, LossConfig
from train.losses.classes import ClassSoftmax
from train.losses.distil import Distillation
from train.losses.multi_similarity import MultiSimilarity
from train.losses.objective import Objective
from train.losses.pairs import Contrastive, PairCrossEntropy
from train.losses.triplets import Triplet

_PLAIN = ("euclidean", "squared-euclidean", "cosine")


@dataclass(frozen=True, slots=True, kw_only=True)
class LossKind:
    """What a loss takes.

    Attributes:
        defaults: The keys of the section ``loss`` that it takes besides ``name``, ``normalise`` and ``weight``, and
            their values where a recipe says nothing.
        distances: The distances that it can be computed with; none where it is made of cosines.
    """

    defaults: dict[str, float | int | str]
    distances: tuple[str, ...] = ()


LOSSES: dict[str, LossKind] = {
    "contrastive": LossKind(defaults={"margin": 1.0, "distance": "euclidean"}, distances=_PLAIN),
    "triplet": LossKind(
        defaults={"margin": 0.2, "distance": "squared-euclidean", "mining": "semi-hard"}, distances=_PLAIN
    ),
    "pair-bce": LossKind(defaults={"distance": "weighted-l1"}, distances=(*_PLAIN, "weighted-l1")),
    "multi-similarity": LossKind(defaults={"margin": 0.1, "alpha": 2.0, "beta": 50.0, "threshold": 0.5}),
    "arcface": LossKind(defaults={"margin": 0.5, "scale": 64.0, "sampled_classes": 0}),
    "cosface": LossKind(defaults={"margin": 0.35, "scale": 64.0, "sampled_classes": 0}),
    "none": LossKind(defaults={}),
}
_OPTIONAL = ("margin", "scale", "distance", "mining", "alpha", "beta", "threshold", "sampled_classes")


def loss_settings(config: LossConfig) -> dict[str, Any]:
    """The values of the keys that a loss takes: the recipe's, or the loss's own defaults.

    Raises:
        UsageError: The loss is unknown, or cannot take one of the values.
    """
    if config.name not in LOSSES:
        raise UsageError(f"unknown loss {config.name!r}; known are {', '.join(LOSSES)}. Use: --set loss.name=…")
    kind = LOSSES[config.name]
    given = {key: value for key in _OPTIONAL if (value := getattr(config, key)) is not None}
    for key in given:
        if key not in kind.defaults:
            takes = f"it takes {', '.join(kind.defaults)}" if kind.defaults else "it takes no settings"
            raise UsageError(f"the loss {config.name!r} has no loss.{key}; {takes}. Leave it out: --set loss.{key}=")
    settings = {**kind.defaults, **given}
    if kind.distances and settings["distance"] not in kind.distances:
        known = ", ".join(kind.distances)
        raise UsageError(f"the loss {config.name!r} takes loss.distance {known}, not {settings['distance']!r}.")
    if not config.normalise and not kind.distances and config.name != "none":
        raise UsageError(f"the loss {config.name!r} is made of cosines. Leave loss.normalise at true.")
    return settings


def build_objective(config: Config, *, classes: int) -> Objective:
    """What a training minimises.

    Args:
        config: The configuration of the run.
        classes: Number of people in the whole training set.

    Raises:
        UsageError: The loss is unknown, cannot take one of its settings, or nothing is left to learn from.
    """
    loss, teacher = config.loss, config.teacher
    settings = loss_settings(loss)
    if not teacher.path and (loss.name == "none" or loss.weight == 0):
        what = "loss.name is 'none'" if loss.name == "none" else "loss.weight is 0"
        raise UsageError(f"{what} and there is no teacher: nothing to learn from. Use: --set teacher.path=…")
    if config.batch.sampler == "uniform" and loss.name not in ("none", "arcface", "cosface"):
        raise UsageError(
            f"batch.sampler 'uniform' draws no pairs on purpose; {loss.name} needs them. Use: --set batch.sampler=pk"
        )
    distillation = Distillation(cosine=teacher.cosine, similarity=teacher.similarity) if teacher.path else None
    term = _build_term(config, settings, classes)
    return Objective(term=term, term_name=loss.name, weight=loss.weight, distillation=distillation)


def _build_term(config: Config, settings: dict[str, Any], classes: int) -> Any:
    """The layer of the loss on the labels; None for ``"none"``."""
    name, normalise, given = config.loss.name, config.loss.normalise, config.batch.sampler != "pk"
    if name == "contrastive":
        return Contrastive(**settings, normalise=normalise, given=given)
    if name == "pair-bce":
        return PairCrossEntropy(**settings, normalise=normalise, given=given)
    if name == "triplet":
        return Triplet(**settings, normalise=normalise)
    if name == "multi-similarity":
        return MultiSimilarity(**settings)
    if name in ("arcface", "cosface"):
        sampled = settings.pop("sampled_classes")
        return ClassSoftmax(kind=name, classes=classes, **settings, sampled=sampled, seed=config.seed)
    return None
