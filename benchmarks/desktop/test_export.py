"""Export: a Keras tower to a quantized flatbuffer, by each kind of recipe."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.suite.rounds import Timed

pytest.importorskip("tensorflow", reason="export needs TensorFlow")

RECIPES = ("int8", "dynamic", "float32")
_PICTURES = 16


@pytest.mark.parametrize("recipe", RECIPES)
def test_export(timed: Timed, recipe: str, rng: np.random.Generator) -> None:
    """The default network with 16 representative pictures: SavedModel, calibration, conversion."""
    from export.conversion.convert import convert_tower
    from export.conversion.recipes import RECIPES as KNOWN
    from export.sources.float_tower import KerasTower
    from train.recipe import load_config
    from train.towers.build import build_tower

    config = load_config("faces-small", [], seed=1)
    tower = KerasTower(model=build_tower(config.input, config.tower), spec=config.input)
    values = rng.uniform(-1, 1, (_PICTURES, *config.input.shape)).astype(np.float32)

    def run() -> bytes:
        return convert_tower(tower, KNOWN[recipe], values)

    made = timed(run, what=f"`plain` to a {recipe} flatbuffer, {_PICTURES} representative pictures", calls=1, rounds=1)
    timed.note(file_bytes=len(made))
    assert made[4:8] == b"TFL3"
