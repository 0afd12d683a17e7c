import dataclasses

import numpy as np
import pytest
from train_helpers import tiny_config

from edge_runtime.errors import UsageError
from edge_runtime.towers.preprocess import InputSpec
from export.sources.keras_file import load_keras_tower
from train.config import TowerConfig
from train.keras_quietly import keras, known_warnings, load_keras
from train.recipe import known_recipes, load_config
from train.towers.build import TOWERS, build_tower

SMALL = InputSpec(size_px=32, colour="grey")
# The tower of a file has tests of its own.
BUILT = [name for name in TOWERS if name != "file"]
# Layers that are slow in int8, carry code, or belong outside the graph.
UNWANTED = {"PReLU", "Lambda", "UnitNormalization"}


def _small(name, **settings):
    return TowerConfig(name=name, **{"width": 8, "blocks": (1, 1), "embedding_length": 16, **settings})


@pytest.mark.parametrize("recipe", [recipe for recipe in known_recipes() if recipe != "small"])
def test_recipes_build_their_towers(recipe):
    config = load_config(recipe)
    tower = build_tower(config.input, config.tower)
    assert tower.input_shape == (None, *config.input.shape)
    assert tower.output_shape == (None, config.tower.embedding_length)


@pytest.mark.parametrize("name", BUILT)
@pytest.mark.parametrize("head", ["average", "max", "flatten"])
def test_only_built_in_layers_and_the_export_takes_the_file(tmp_path, name, head):
    tower = build_tower(SMALL, _small(name, head=head))
    assert tower.input_shape == (None, 32, 32, 1)
    assert tower.output_shape == (None, 16)
    assert all(type(layer).__module__.startswith("keras.") for layer in tower.layers)
    assert not UNWANTED & {type(layer).__name__ for layer in tower.layers}
    with known_warnings():
        tower.save(tmp_path / "tower.keras")
    pictures = np.random.default_rng(0).uniform(-1, 1, (3, 32, 32, 1)).astype(np.float32)
    expected = tower(pictures).numpy()
    np.testing.assert_array_equal(expected, load_keras(tmp_path / "tower.keras")(pictures))
    strict = load_keras_tower(tmp_path / "tower.keras", SMALL, embedding_length=16)
    np.testing.assert_array_equal(expected, strict(pictures))


@pytest.mark.parametrize("name", BUILT)
def test_weights_are_the_same_under_a_seed(name):
    def weights(seed):
        keras.utils.set_random_seed(seed)
        return build_tower(SMALL, _small(name)).get_weights()

    first = weights(3)
    for one, other in zip(first, weights(3), strict=True):
        np.testing.assert_array_equal(one, other)
    assert any(not np.array_equal(one, other) for one, other in zip(first, weights(4), strict=True))


@pytest.mark.parametrize("name", BUILT)
def test_the_table_says_which_keys_a_tower_does_not_use(name):
    other = {
        "width": 16,
        "blocks": (2, 1, 1),
        "head": "average",
        "dropout": 0.5,
        "embedding_length": 24,
        "backbone": "MobileNetV2",
    }
    base = _small(name)
    shape = _description(build_tower(SMALL, base))
    for key, value in other.items():
        changed = _description(build_tower(SMALL, dataclasses.replace(base, **{key: value}))) != shape
        assert changed == (key not in TOWERS[name].unused), key


def _description(tower):
    rates = [layer.rate for layer in tower.layers if isinstance(layer, keras.layers.Dropout)]
    return [(type(layer).__name__, layer.output.shape) for layer in tower.layers], rates


@pytest.mark.parametrize("name", BUILT)
def test_batch_normalisation_adapts_within_a_short_training(name):
    norms = [
        layer for layer in build_tower(SMALL, _small(name)).layers if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert all(layer.momentum == 0.95 for layer in norms)
    assert bool(norms) == (name not in ("tutorial", "oriented", "dlib-resnet"))


def test_the_embedding_is_raw():
    config = tiny_config()
    tower = build_tower(config.input, config.tower)
    pictures = np.random.default_rng(0).uniform(-1, 1, (4, 16, 16, 1)).astype(np.float32)
    assert np.linalg.norm(tower(pictures), axis=1).std() > 1e-4


def test_the_tutorials_network_layer_by_layer():
    spec = InputSpec(size_px=28, colour="grey")
    config = TowerConfig(name="tutorial", width=64, dropout=0.3, embedding_length=48, head="average")
    tower = build_tower(spec, config)
    inputs = keras.Input((28, 28, 1))
    values = inputs
    for _ in range(2):
        values = keras.layers.Conv2D(64, (2, 2), padding="same", activation="relu")(values)
        values = keras.layers.MaxPooling2D(pool_size=(2, 2))(values)
        values = keras.layers.Dropout(0.3)(values)
    same = keras.Model(inputs, keras.layers.Dense(48)(keras.layers.GlobalAveragePooling2D()(values)))
    assert _description(tower) == _description(same)
    same.set_weights(tower.get_weights())
    pictures = np.random.default_rng(0).uniform(-1, 1, (2, 28, 28, 1)).astype(np.float32)
    np.testing.assert_array_equal(tower(pictures), same(pictures))
    assert tower.count_params() == (4 * 64 + 64) + (4 * 64 * 64 + 64) + (64 * 48 + 48)


@pytest.mark.parametrize("width", [8, 16, 32])
def test_mobilenet_v2_is_keras_own(width):
    spec = InputSpec(size_px=64, colour="rgb")
    tower = build_tower(spec, _small("mobilenet-v2", width=width, head="average"))
    peer = keras.applications.MobileNetV2(input_shape=(64, 64, 3), alpha=width / 32, include_top=False, weights=None)
    assert tower.count_params() == peer.count_params() + 1280 * 16 + 16


def test_mobilefacenet_has_the_papers_parameters():
    spec = InputSpec(size_px=112, colour="rgb")
    tower = build_tower(spec, TowerConfig(name="mobilefacenet", width=64, embedding_length=128))
    depthwise = [layer for layer in tower.layers if isinstance(layer, keras.layers.DepthwiseConv2D)]
    assert depthwise[-1].kernel.shape == (7, 7, 512, 1)
    assert depthwise[-1].output.shape == (None, 1, 1, 512)
    # Table 1 of the paper, its bottlenecks as (in, inside, out); normalisation has a scale and a shift.
    bottlenecks = [(64, 128, 64)] * 5 + [(64, 256, 128)] + [(128, 256, 128)] * 6 + [(128, 512, 128)]
    bottlenecks += [(128, 256, 128)] * 2
    inside = sum(a * b + 9 * b + b * c + 2 * (b + b + c) for a, b, c in bottlenecks)
    ends = (27 * 64 + 128) + (9 * 64 + 128) + (128 * 512 + 1024) + (49 * 512 + 1024) + (512 * 128 + 256)
    trainable = sum(int(np.prod(weight.shape)) for weight in tower.trainable_weights)
    assert trainable == inside + ends
    assert trainable // 10_000 == 99  # "0.99 million"


def test_mobilefacenet_takes_any_size():
    for size_px, side in ((16, 1), (48, 3), (112, 7), (120, 8)):
        tower = build_tower(InputSpec(size_px=size_px, colour="grey"), _small("mobilefacenet"))
        last = [layer for layer in tower.layers if isinstance(layer, keras.layers.DepthwiseConv2D)][-1]
        assert last.kernel.shape[:2] == (side, side)


def test_an_unknown_tower_is_refused():
    config = tiny_config("tower.name=eiffel")
    with pytest.raises(UsageError, match=f"known are plain, .*{', '.join(list(TOWERS)[2:])}"):
        build_tower(config.input, config.tower)
