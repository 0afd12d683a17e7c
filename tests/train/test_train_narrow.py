"""Narrowing: nothing is lost where nothing is left out, and the least squares never make it worse."""

from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.errors import UsageError
from edge_runtime.towers.preprocess import InputSpec
from train.config import TowerConfig
from train.keras_quietly import keras
from train.narrow.importance import batches_of, blocks_of, measure_activity, taken_from
from train.narrow.narrow import at_size, narrow, narrower
from train.narrow.repair import repair
from train.towers.build import build_tower
from train.towers.dlib_resnet import DLIB_SHAPE, ResNetShape, Stage, block_name, build_resnet, read_shape

SHAPE = ResNetShape(
    size_px=64,
    stages=(
        Stage(stream=6, inner=(6, 5)),
        Stage(stream=10, inner=(8,)),
        Stage(stream=14, inner=(9,)),
        Stage(stream=14, inner=(10,)),
    ),
    point_tail=True,
)
FULL = {"streams": (6, 10, 14, 14), "inner": (5, 8, 9, 10)}
FACES = np.random.default_rng(3).integers(0, 256, (70, 64, 64, 3), dtype=np.uint8)


def network(shape: ResNetShape = SHAPE, seed: int = 0):
    keras.utils.set_random_seed(seed)
    tower = build_resnet(shape, embedding_length=12)
    rng = np.random.default_rng(seed)
    for layer in tower.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, rng.normal(0, 0.1, bias.shape).astype(np.float32)])
    return tower


def embed(tower, faces=FACES):
    return np.concatenate([tower(batch, training=False).numpy() for batch in batches_of(tower, faces)])


def test_all_channels_kept_is_the_same_network():
    wide = network()
    narrowed = narrow(wide, SHAPE, FACES)
    for one, other in zip(narrowed.tower.get_weights(), wide.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    solved = repair(narrowed, wide, FACES)
    assert len(solved) == len(blocks_of(SHAPE)) + 1
    wanted = embed(wide)
    np.testing.assert_allclose(embed(narrowed.tower), wanted, atol=1e-4 * np.abs(wanted).max())


def test_a_tail_of_points_is_made_where_it_changes_nothing():
    wide = network(replace(SHAPE, point_tail=False))
    wanted = narrower(read_shape(wide), streams=(6, 10, 14, 14), inner=(5, 8, 9, 10))
    assert wanted.point_tail
    # Two blocks of the first stage have 6 and 5 inner channels; here all may stay.
    wanted = replace(wanted, stages=SHAPE.stages)
    found = embed(narrow(wide, wanted, FACES).tower)
    np.testing.assert_allclose(found, embed(wide), atol=1e-6 * np.abs(found).max())


@pytest.mark.parametrize("seed", [0, 3])
def test_channels_that_do_nothing_are_the_ones_that_go(seed):
    """Channels of the stream and between convolutions are dead; without them the network gives the same."""
    wide, rng = network(seed=seed), np.random.default_rng(seed)
    shape = read_shape(wide)
    born = [range(0, 6), range(6, 10), range(10, 14), range(14, 14)]
    dead_stream = np.concatenate([rng.permutation(list(channels))[: len(channels) // 2] for channels in born])
    dead_stream = dead_stream.astype(int)
    _silence(wide, "stem", dead_stream)
    for stage, place in blocks_of(shape):
        name, inner = block_name(stage, place), shape.stages[stage].inner[place]
        _silence(wide, f"{name}_conv2", dead_stream)
        _silence(wide, f"{name}_conv1", rng.permutation(inner)[: inner - 3])
    narrowed = narrow(wide, narrower(shape, streams=(3, 5, 7, 7), inner=(3, 3, 3, 3)), FACES)
    for stage, kept in enumerate(narrowed.streams):
        assert not set(kept) & set(dead_stream)
        assert kept.tolist() == sorted(kept)
        assert stage == 0 or set(narrowed.streams[stage - 1]) <= set(kept)
    wanted = embed(wide)
    np.testing.assert_allclose(embed(narrowed.tower), wanted, atol=1e-5 * np.abs(wanted).max())
    repair(narrowed, wide, FACES)
    np.testing.assert_allclose(embed(narrowed.tower), wanted, atol=1e-3 * np.abs(wanted).max())


def _silence(tower, name, channels):
    kernel, bias = tower.get_layer(name).get_weights()
    channels = [channel for channel in channels if channel < len(bias)]
    kernel[..., channels], bias[channels] = 0, 0
    tower.get_layer(name).set_weights([kernel, bias])


def test_a_narrow_network_has_the_shape_that_was_asked_for():
    wide = network()
    wanted = narrower(SHAPE, streams=(4, 7, 9, 9), inner=(3, 4, 5, 6))
    narrowed = narrow(wide, wanted, FACES)
    assert read_shape(narrowed.tower) == wanted
    assert [kept.size for kept in narrowed.streams] == [4, 7, 9, 9]
    assert narrowed.tower.output_shape == (None, 12)
    # Channels 0 to 5 are born first, 6 to 9 next; a kept one stays.
    assert np.isin(narrowed.streams[0], np.arange(6)).all()
    assert set(narrowed.streams[1]) - set(narrowed.streams[0]) <= set(range(6, 10))


@pytest.mark.parametrize("seed", range(2))
def test_least_squares_never_make_it_worse(seed):
    wide = network(seed=seed)
    narrowed = narrow(wide, narrower(SHAPE, streams=(4, 7, 9, 9), inner=(3, 4, 5, 6)), FACES)
    wanted, before = embed(wide), embed(narrowed.tower)
    solved = repair(narrowed, wide, FACES)
    assert [layer.layer for layer in solved] == [
        *(f"{block_name(*block)}_conv2" for block in blocks_of(SHAPE)),
        "embedding",
    ]
    assert all(layer.after <= layer.before for layer in solved)
    assert any(layer.after < 0.9 * layer.before for layer in solved)
    after = embed(narrowed.tower)
    assert np.mean((after - wanted) ** 2) < np.mean((before - wanted) ** 2)
    # What was reported of the last layer is what is so.
    np.testing.assert_allclose(solved[-1].after, np.mean((after - wanted) ** 2), rtol=1e-3)


def test_shares_are_of_all_that_is_taken():
    wide = network()
    activity = measure_activity(wide, SHAPE, FACES)
    pooled = keras.Model(wide.input, wide.get_layer("embedding").input)
    rows = np.concatenate([pooled(batch).numpy() for batch in batches_of(wide, FACES)]).astype(np.float64)
    np.testing.assert_allclose(activity["embedding"].mean, rows.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(activity["embedding"].square, (rows**2).mean(axis=0), rtol=1e-5)
    for name in ("s0b0_conv1", "s2b0_conv2", "embedding"):
        share = taken_from(wide, name, activity)
        assert share.min() >= 0
        assert share.sum() == pytest.approx(1)


def test_the_same_weights_at_another_size():
    narrowed = narrow(network(), SHAPE, FACES)
    assert at_size(narrowed, 64) is narrowed.tower
    larger = at_size(narrowed, 80)
    assert read_shape(larger) == replace(SHAPE, size_px=80)
    for one, other in zip(larger.get_weights(), narrowed.tower.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(UsageError, match="too small for 4 stages"):
        at_size(narrowed, 24)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"streams": (6, 10, 14)}, "--streams takes 4 numbers"),
        ({"inner": (5, 8, 9, 10, 10)}, "--inner takes 4 numbers"),
        ({"streams": (7, 10, 14, 14)}, "stage 0 can keep 6 channels of the stream at most; not 7"),
        ({"streams": (4, 9, 12, 12)}, "stage 1 can keep 8 .* the 4 kept before and the 4 that are new; not 9"),
        ({"streams": (6, 10, 9, 9)}, "must not become fewer"),
        ({"inner": (6, 8, 9, 10)}, "stage 0 has 5 inner channels"),
        ({"inner": (0, 8, 9, 10)}, "every block a channel"),
    ],
)
def test_what_there_is_not_is_not_kept(change, message):
    with pytest.raises(UsageError, match=message) as caught:
        narrower(SHAPE, **(FULL | change))
    assert "\n" not in str(caught.value)


def test_another_network_or_depth_is_refused():
    config = TowerConfig(name="plain", width=8, blocks=(1, 1), embedding_length=16)
    plain = build_tower(InputSpec(size_px=64, colour="rgb"), config)
    with pytest.raises(UsageError, match="no network of dlib's kind"):
        narrow(plain, SHAPE, FACES)
    with pytest.raises(UsageError, match="as many blocks in each stage"):
        narrow(network(), replace(SHAPE, stages=(*SHAPE.stages[:-1], Stage(stream=14, inner=(4, 4)))), FACES)


def test_dlibs_own_shape_is_narrowed_to_what_small_is():
    wanted = narrower(DLIB_SHAPE, streams=(32, 64, 128, 192, 192), inner=(24, 40, 56, 72, 64))
    assert wanted.point_tail
    # Counted by hand from the layers: 1.43 million.
    assert build_resnet(replace(wanted, size_px=128)).count_params() == _parameters(wanted)


def _parameters(shape: ResNetShape) -> int:
    count, before = 147 * shape.stages[0].stream + shape.stages[0].stream, shape.stages[0].stream
    for stage in shape.stages:
        for inner in stage.inner:
            count += 9 * before * inner + inner + 9 * inner * stage.stream + stage.stream
            before = stage.stream
    last = shape.stages[-1]
    return count - 8 * last.inner[-1] * last.stream + before * 128 + 128
