"""A tower that is there already: the beginning of a fine-tuning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge_runtime.errors import UsageError
from edge_runtime.towers.preprocess import InputSpec
from train.config import TowerConfig
from train.keras_quietly import load_keras


def from_file(spec: InputSpec, config: TowerConfig) -> Any:
    """The tower of a ``.keras`` file with its weights; all of it is trained.

    Args:
        spec: What it takes in.
        config: ``weights`` is the file; ``embedding_length`` must be its own. The other keys are not used.

    Returns:
        A Keras model that gives raw embeddings, float32 of shape (n, embedding_length).

    Raises:
        UsageError: No file is named, or the recipe speaks of another input or embedding.
        TowerError: The file is missing or damaged.
    """
    if not config.weights or not Path(config.weights).is_file():
        raise UsageError(
            f"tower.weights: there is no file {config.weights!r}. Name a .keras file: --set tower.weights=…"
        )
    tower = load_keras(config.weights)
    takes, gives = tuple(tower.input_shape[1:]), int(tower.output_shape[-1])
    if takes != spec.shape:
        raise UsageError(
            f"{config.weights} takes pictures of {takes}, the recipe has {spec.shape}. "
            f"Use: --set input.size_px={takes[0]} --set input.colour={'grey' if takes[-1] == 1 else 'rgb'}"
        )
    if gives != config.embedding_length:
        raise UsageError(f"{config.weights} gives {gives} numbers. Use: --set tower.embedding_length={gives}")
    return tower
