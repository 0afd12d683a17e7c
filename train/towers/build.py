"""Towers by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge_runtime.errors import UsageError
from edge_runtime.towers.preprocess import InputSpec
from train.config import TowerConfig
from train.towers.applications import applications
from train.towers.from_file import from_file
from train.towers.mobile import mobilefacenet, mobilenet_v2
from train.towers.oriented import oriented
from train.towers.plain import plain
from train.towers.resnet import dlib_resnet
from train.towers.tutorial import tutorial


@dataclass(frozen=True, slots=True, kw_only=True)
class TowerKind:
    """A tower that recipes can name.

    Attributes:
        build: Makes the Keras model: built-in layers only, raw embeddings out.
        purpose: What it is for, in one line.
        width: What ``tower.width`` means for it.
        unused: Keys of the section ``tower`` that it does not look at.
    """

    build: Callable[[InputSpec, TowerConfig], Any]
    purpose: str
    width: str
    unused: tuple[str, ...]


TOWERS: dict[str, TowerKind] = {
    "plain": TowerKind(
        build=plain,
        purpose="plain 3×3 residual network: the default; gains most from int8",
        width="channels of the first stage, doubled at each stage",
        unused=("backbone", "weights"),
    ),
    "oriented": TowerKind(
        build=oriented,
        purpose="fixed oriented edges and one linear layer: for some tens of people, and for very small devices",
        width="number of directions; 8 is enough",
        unused=("blocks", "head", "backbone", "weights"),
    ),
    "tutorial": TowerKind(
        build=tutorial,
        purpose="the two-convolution network of the Keras tutorials: to repeat and compare, not for faces at a door",
        width="channels of both convolutions; 64 in the tutorial",
        unused=("blocks", "backbone", "weights"),
    ),
    "mobilefacenet": TowerKind(
        build=mobilefacenet,
        purpose="MobileFaceNet with ReLU6: made for faces of 112 px, 1 million parameters",
        width="64 is the paper's; others scale all channels",
        unused=("blocks", "head", "backbone", "weights"),
    ),
    "mobilenet-v2": TowerKind(
        build=mobilenet_v2,
        purpose="MobileNetV2: few operations for many parameters",
        width="32 × the paper's width multiplier",
        unused=("blocks", "backbone", "weights"),
    ),
    "dlib-resnet": TowerKind(
        build=dlib_resnet,
        purpose="the network of dlib's face descriptors, untrained; import-dlib makes the trained one",
        width="32 is dlib's; channels of the first stage, doubled at the next three",
        unused=("head", "backbone", "weights"),
    ),
    "applications": TowerKind(
        build=applications,
        purpose="any backbone of keras.applications, random, with ImageNet weights or with a weights file",
        width="not used",
        unused=("width", "blocks"),
    ),
    "file": TowerKind(
        build=from_file,
        purpose="the tower of a .keras file, to be trained further",
        width="not used",
        unused=("width", "blocks", "head", "dropout", "backbone"),
    ),
}


def build_tower(spec: InputSpec, config: TowerConfig) -> Any:
    """The tower of a recipe.

    Args:
        spec: What it takes in: normalised float32 of shape (size, size, channels).
        config: The section ``tower`` of the recipe.

    Returns:
        A Keras model that gives raw embeddings, float32 of shape (n, embedding_length), not scaled to length 1.

    Raises:
        UsageError: It is unknown, or it cannot be built with these settings.
    """
    if config.name not in TOWERS:
        raise UsageError(f"unknown tower {config.name!r}; known are {', '.join(TOWERS)}. Use: --set tower.name=…")
    return TOWERS[config.name].build(spec, config)
