"""Towers by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edge_runtime.errors import UsageError
from edge_runtime.preprocess import InputSpec
from train.config import TowerConfig
from train.towers.plain import plain

TOWERS: dict[str, Callable[[InputSpec, TowerConfig], Any]] = {"plain": plain}


def build_tower(spec: InputSpec, config: TowerConfig) -> Any:
    """The tower of a recipe.

    Raises:
        UsageError: It is unknown.
    """
    if config.name not in TOWERS:
        raise UsageError(f"unknown tower {config.name!r}; known are {', '.join(TOWERS)}. Use: --set tower.name=…")
    return TOWERS[config.name](spec, config)
