import numpy as np
import pytest
from train_helpers import tiny_config

from edge_runtime.errors import UsageError
from train.keras_quietly import keras, known_warnings, load_keras
from train.recipe import known_recipes, load_config
from train.towers.build import build_tower
from train.towers.macs import count_macs


@pytest.mark.parametrize("recipe", known_recipes())
def test_recipes_build_towers_for_a_pi(recipe):
    config = load_config(recipe)
    tower = build_tower(config.input, config.tower)
    assert tower.input_shape == (None, *config.input.shape)
    assert tower.output_shape == (None, config.tower.embedding_length)
    assert count_macs(tower) <= (60e6 if recipe == "att" else 400e6)


@pytest.mark.parametrize("head", ["average", "flatten"])
def test_only_built_in_layers_and_safe_reload(tmp_path, head):
    config = tiny_config(f"tower.head={head}")
    tower = build_tower(config.input, config.tower)
    assert all(type(layer).__module__.startswith("keras.") for layer in tower.layers)
    assert not any(isinstance(layer, keras.layers.Lambda | keras.layers.PReLU) for layer in tower.layers)
    with known_warnings():
        tower.save(tmp_path / "tower.keras")
    again = load_keras(tmp_path / "tower.keras")
    pictures = np.random.default_rng(0).uniform(-1, 1, (3, 16, 16, 1)).astype(np.float32)
    np.testing.assert_array_equal(tower(pictures), again(pictures))


def test_embedding_is_raw():
    config = tiny_config()
    tower = build_tower(config.input, config.tower)
    pictures = np.random.default_rng(0).uniform(-1, 1, (4, 16, 16, 1)).astype(np.float32)
    assert np.linalg.norm(tower(pictures), axis=1).std() > 1e-4


def test_macs_by_hand():
    config = tiny_config("tower.blocks=[1]", "tower.dropout=0")
    # Stem 8×8×(3·3·1)×4, two convolutions 8×8×(3·3·4)×4, dense 8·8·4×8.
    assert count_macs(build_tower(config.input, config.tower)) == 64 * 36 + 2 * 64 * 144 + 256 * 8


def test_unknown_tower():
    config = tiny_config("tower.name=eiffel")
    with pytest.raises(UsageError, match="known are plain"):
        build_tower(config.input, config.tower)
