"""The towers with the settings that they are usually trained with."""

from __future__ import annotations

from collections.abc import Sequence

from edge_runtime.errors import UsageError
from edge_runtime.towers.preprocess import InputSpec
from train.config import TowerConfig
from train.recipe import load_config
from train.towers.build import TOWERS

_DIGITS = InputSpec(size_px=28, colour="grey")
_FACES = InputSpec(size_px=112, colour="rgb")
_DLIB = InputSpec(size_px=150, colour="rgb")


def usual_towers(names: Sequence[str] = ()) -> list[tuple[InputSpec, TowerConfig]]:
    """Every tower but ``file`` with the input and the settings of the recipe or the paper that it is known from.

    Args:
        names: Only these towers; all if empty.

    Raises:
        UsageError: A name is unknown, or is ``file``.
    """
    if "file" in names:
        raise UsageError(
            "the tower 'file' is what its file holds. Use: "
            "python -m train towers --set tower.name=file --set tower.weights=FILE --size PX"
        )
    unknown = [name for name in names if name not in TOWERS]
    if unknown:
        raise UsageError(f"unknown tower {unknown[0]!r}; known are {', '.join(TOWERS)}.")
    recipes = [load_config(recipe) for recipe in ("faces-small", "att", "few-people")]
    rows = [
        (_DIGITS, TowerConfig(name="tutorial", width=64, dropout=0.3, embedding_length=48, head="average")),
        *((config.input, config.tower) for config in recipes),
        (_FACES, TowerConfig(name="mobilefacenet", width=64, embedding_length=128)),
        (_FACES, TowerConfig(name="mobilenet-v2", width=32, embedding_length=128, head="average")),
        (_DLIB, TowerConfig(name="dlib-resnet", width=32, blocks=(3, 4, 3, 3, 1), embedding_length=128, dropout=0)),
        (_FACES, TowerConfig(name="applications", backbone="MobileNetV3Small", head="average")),
    ]
    return [(spec, config) for spec, config in rows if not names or config.name in names]
