"""The tower of oriented edges, and the embedding layer in closed form."""

import numpy as np
import pytest
from train_helpers import tiny_config

from edge_runtime.errors import DataError, UsageError
from edge_runtime.measures.metrics import equal_error_rate, pair_scores
from edge_runtime.towers.preprocess import InputSpec, normalise
from train.config import TowerConfig
from train.data.faces import load_faces
from train.fitting.fit import fit
from train.fitting.whiten import whiten_head
from train.keras_quietly import keras, load_keras
from train.recipe import load_config
from train.towers.build import build_tower
from train.towers.macs import count_macs
from train.towers.oriented import mirror_order

SPEC = InputSpec(size_px=64, colour="grey")
CONFIG = TowerConfig(name="oriented", width=8, dropout=0.0)


def _features(tower):
    return keras.Model(tower.inputs[0], tower.get_layer("embedding").input)


@pytest.mark.parametrize(("size_px", "colour", "width"), [(64, "grey", 8), (48, "rgb", 12), (16, "grey", 4)])
def test_a_mirrored_picture_permutes_the_features(size_px, colour, width):
    spec = InputSpec(size_px=size_px, colour=colour)
    tower = build_tower(spec, TowerConfig(name="oriented", width=width, dropout=0.0))
    pixels = np.random.default_rng(0).uniform(-1, 1, (3, *spec.shape)).astype(np.float32)
    features = _features(tower)
    order = mirror_order(tower)
    mirrored = features(pixels[:, :, ::-1]).numpy()
    np.testing.assert_allclose(mirrored, features(pixels).numpy()[:, order], atol=1e-4)
    assert (order[order] == np.arange(order.size)).all()
    assert not np.allclose(mirrored, features(pixels).numpy(), atol=1e-2)


def test_an_edge_is_felt_in_its_direction_alone():
    tower = build_tower(SPEC, CONFIG)
    pixels = np.full((1, 64, 64, 1), -0.5, np.float32)
    pixels[:, :, 32:] = 0.5
    felt = _features(tower)(pixels).numpy().reshape(8, 8, 8)
    # Direction 0 faces to the right, 4 to the left, 2 and 6 up and down.
    assert felt[4, 3:5, 0].min() > 0.1
    assert felt[4, 3:5, [2, 4, 6]].max() < 1e-5


def test_few_operations_and_one_trained_layer():
    tower = build_tower(SPEC, CONFIG)
    assert count_macs(tower) == 64 * 64 * 25 * 8 + 8 * 8 * 16 * 16 * 8 + 512 * 128
    assert [variable.path.split("/")[0] for variable in tower.trainable_variables] == ["embedding", "embedding"]
    assert mirror_order(build_tower(SPEC, TowerConfig(width=4, blocks=(1,)))) is None


@pytest.mark.parametrize(("size_px", "width", "message"), [(60, 8, "multiples of 16"), (64, 6, "multiple of 4")])
def test_sizes_that_do_not_divide(size_px, width, message):
    with pytest.raises(UsageError, match=message):
        build_tower(InputSpec(size_px=size_px, colour="grey"), TowerConfig(name="oriented", width=width))


def _toy(rng):
    """A linear tower on four numbers; people differ in the first two, pictures of one person in the last two."""
    inputs = keras.Input((2, 2, 1))
    tower = keras.Model(inputs, keras.layers.Dense(4, name="embedding")(keras.layers.Flatten()(inputs)))
    labels = np.repeat(np.arange(20), 6)
    values = np.concatenate([rng.normal(0, 1, (20, 2))[labels], rng.normal(0, 2, (120, 2))], axis=1)
    values[:, :2] += rng.normal(0, 0.3, (120, 2))
    return tower, values.reshape(-1, 2, 2, 1).astype(np.float32), labels


def test_whitened_differences_within_a_person_are_the_unit_matrix():
    tower, values, labels = _toy(np.random.default_rng(1))
    assert whiten_head(tower, [(values[:50], labels[:50]), (values[50:], labels[50:])], ridge=1e-9) == 120
    embedded = tower(values).numpy().astype(np.float64)
    rest = embedded - np.stack([embedded[labels == label].mean(axis=0) for label in labels])
    # The kernel stands on int8's grid, hence the tolerance.
    np.testing.assert_allclose(rest.T @ rest / 120, np.eye(4), atol=0.03)
    np.testing.assert_allclose(embedded.mean(axis=0), 0, atol=1e-4)
    spread = embedded.var(axis=0)
    assert (np.diff(spread) <= 1e-9).all()
    before, _ = equal_error_rate(pair_scores(values.reshape(120, 4), labels))
    after, _ = equal_error_rate(pair_scores(embedded[:, :2], labels))
    assert after < 0.3 < 0.35 < before


def test_what_cannot_be_whitened():
    tower, values, _ = _toy(np.random.default_rng(1))
    with pytest.raises(DataError, match="nobody has two"):
        whiten_head(tower, [(values, np.arange(120))], ridge=0.1)
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="relu")])
    with pytest.raises(UsageError, match="dense embedding layer"):
        whiten_head(other, [], ridge=0.1)
    with pytest.raises(UsageError, match="trains nothing"):
        tiny_config("schedule.epochs=0", "schedule.warmup_epochs=0")


def test_a_recipe_without_epochs(tmp_path, tiny_faces):
    config = load_config("few-people", ["input.size_px=16", "tower.embedding_length=8"], seed=3)
    fitted = fit(tiny_faces, tmp_path / "run", config)
    assert (fitted.epochs, fitted.validation) == (0, None)
    assert fitted.seconds > 0
    tower = load_keras(tmp_path / "run" / "tower.keras")
    pixels = normalise(load_faces(tiny_faces, config.input).pixels, config.input)
    np.testing.assert_allclose(tower(pixels).numpy(), tower(pixels[:, :, ::-1]).numpy(), atol=1e-3)
    fit(tiny_faces, tmp_path / "again", config)
    for mine, theirs in zip(
        tower.get_weights(), load_keras(tmp_path / "again" / "tower.keras").get_weights(), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)


def test_a_trained_network_can_end_in_a_solved_layer(tmp_path, tiny_faces):
    config = tiny_config("schedule.whiten=0.1", "schedule.whiten_copies=1", "schedule.norm_batches=2")
    fitted = fit(tiny_faces, tmp_path / "run", config)
    kept = load_keras(tmp_path / "run" / "tower.keras").get_layer("embedding").kernel.numpy()
    [best] = (tmp_path / "run" / "checkpoints").glob("best-*.keras")
    assert fitted.epochs == 2
    assert not np.allclose(kept, load_keras(best).get_layer("embedding").kernel.numpy())


def test_the_kernel_loses_nothing_in_int8():
    tower, values, labels = _toy(np.random.default_rng(2))
    whiten_head(tower, [(values + 7, labels)], ridge=0.01)
    kernel = tower.get_layer("embedding").kernel.numpy()
    steps = kernel / (np.abs(kernel).max(axis=0) / 127)
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)
    np.testing.assert_allclose(tower(values + 7).numpy().mean(axis=0), 0, atol=1e-3)
