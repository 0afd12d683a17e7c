import json
import re

import numpy as np
import pytest

from edge_runtime.errors import TowerError
from edge_runtime.machine.device import OtherWork, device_name
from edge_runtime.towers.interpreter import Interpreter
from edge_runtime.towers.preprocess import InputSpec, normalise
from edge_runtime.towers.tower import Embedder
from train.cli import main
from train.config import TowerConfig
from train.keras_quietly import keras
from train.recipe import load_config
from train.towers.build import TOWERS, build_tower
from train.towers.measure import convert, measure_tower, smooth_pictures
from train.towers.usual import usual_towers

SPEC = InputSpec(size_px=48, colour="rgb")


def _small(name, **settings):
    return TowerConfig(name=name, **{"width": 8, "blocks": (1, 1), "embedding_length": 16, **settings})


def _settled(name):
    """A tower with random weights whose normalisation has seen pictures, as after a training."""
    keras.utils.set_random_seed(0)
    tower = build_tower(SPEC, _small(name, head="average", dropout=0.0))
    for layer in tower.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.5
    for seed in range(8):
        tower(normalise(smooth_pictures(SPEC, 16, seed=1000 + seed), SPEC), training=True)
    return tower


@pytest.mark.slow
# Random deep networks of depthwise convolutions amplify every rounding: chance would be below 0.5 (mobilefacenet: 0).
@pytest.mark.parametrize(
    ("name", "lowest_mean"),
    [
        ("plain", 0.999),
        ("tutorial", 0.999),
        ("mobilefacenet", 0.7),
        ("mobilenet-v2", 0.7),
        ("dlib-resnet", 0.999),
        ("applications", 0.999),
    ],
)
def test_full_int8_runs_alone_and_stays_close_to_float(name, lowest_mean):
    tower = _settled(name)
    crops = smooth_pictures(SPEC, 20, seed=1)
    values = normalise(crops, SPEC)
    units = keras.utils.normalize(tower(values).numpy())
    exact = Embedder(convert(tower, SPEC), SPEC).embed(crops)
    assert np.sum(exact * units, axis=1).min() > 0.9999
    flatbuffer = convert(tower, SPEC, representative=values)
    interpreter = Interpreter(flatbuffer)
    for tensor in (*interpreter.inputs, *interpreter.outputs):
        assert tensor.dtype == "int8"
        assert tensor.shape[0] == 1
    quantized = Embedder(flatbuffer, SPEC).embed(crops)
    assert np.sum(quantized * units, axis=1).mean() > lowest_mean


def test_what_a_tower_costs():
    spec = InputSpec(size_px=28, colour="grey")
    cost = measure_tower(spec, TowerConfig(name="tutorial", width=8, embedding_length=4, head="average"), repeats=20)
    assert cost.parameters == (4 * 8 + 8) + (4 * 64 + 8) + (8 * 4 + 4)
    assert cost.macs == 784 * 32 + 196 * 256 + 32
    # Four bytes a parameter in float, and what a flatbuffer needs besides.
    assert 4 * cost.parameters < cost.float_bytes < 4 * cost.parameters + 6000
    assert cost.parameters < cost.int8_bytes < cost.parameters + 12000
    for latency in (cost.float_latency, cost.int8_latency):
        assert 0 < latency.median_ms <= latency.p95_ms
    assert cost.interpreter.startswith("ai-edge-litert ")


def test_the_same_pictures_under_a_seed_and_others_under_another():
    grey = InputSpec(size_px=20, colour="grey")
    first = smooth_pictures(grey, 3)
    assert first.shape == (3, 20, 20, 1)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, smooth_pictures(grey, 3))
    assert not np.array_equal(first, smooth_pictures(grey, 3, seed=1))


def test_what_cannot_be_converted_is_said_in_one_line():
    spec = InputSpec(size_px=16, colour="grey")
    inputs = keras.Input(spec.shape)
    tower = keras.Model(inputs, keras.layers.Flatten()(keras.ops.erfinv(inputs * 0.5)), name="odd")
    with pytest.raises(TowerError, match="cannot convert the tower odd: ") as caught:
        convert(tower, spec)
    assert "\n" not in str(caught.value)


def test_the_device_has_a_name_and_an_account():
    assert re.fullmatch(r"\S.*, \d+ cores?, \w+", device_name())
    busy = OtherWork().busy_cores()
    assert busy is None or busy >= 0


def test_the_usual_towers_are_all_towers():
    rows = usual_towers()
    assert {config.name for _, config in rows} == set(TOWERS) - {"file"}
    for recipe in ("faces-small", "att", "few-people"):
        config = load_config(recipe)
        assert (config.input, config.tower) in rows
    assert [config.name for _, config in usual_towers(["mobilefacenet", "tutorial"])] == ["tutorial", "mobilefacenet"]


def test_the_command_gives_one_line_of_json(capfd):
    assert main(["towers", "tutorial", "--width", "8", "--size", "32", "--repeats", "10", "--json"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    (line,) = out.splitlines()
    report = json.loads(line)
    assert report["device"] == device_name()
    assert report["trained"] is False
    (row,) = report["towers"]
    assert row["input"]["size_px"] == 32
    assert row["config"]["width"] == 8
    assert row["macs"] == 1024 * 4 * 8 + 256 * 4 * 64 + 8 * 48


def test_the_command_measures_what_a_recipe_would_train(capfd):
    words = ["towers", "--recipe", "att", "--set", "tower.blocks=[1]", "--set", "tower.width=4", "--size", "16"]
    assert main([*words, "--colour", "rgb", "--repeats", "10"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    # Stem, its normalisation, two convolutions with theirs, dense.
    parameters = 27 * 4 + 16 + 2 * (36 * 4 + 16) + 256 * 128 + 128
    assert re.search(rf"^plain 4 +16 rgb +{parameters} ", out, re.MULTILINE)
    assert f"device: {device_name()}" in out
    assert "neither sizes nor times depend on the weights" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["eiffel"], "unknown tower 'eiffel'; known are plain"),
        (["file"], "the tower 'file' is what its file holds"),
        (["eiffel", "--recipe", "att"], "unknown tower 'eiffel'; known are plain"),
        (["--recipe", "nowhere"], "there is no recipe 'nowhere'"),
        (["tutorial", "--width", "1"], "tower.width must be from 4 to 256"),
        (["tutorial", "--size", "8"], "input size must be a whole number from 16 to 512"),
        (["tutorial", "--repeats", "0"], "--repeats must be from 10"),
        (["tutorial", "--threads", "0"], "--threads must be from 1 to 64"),
        (["applications", "--size", "16"], "MobileNetV3Small takes no input of 16 px"),
        (["applications", "--set", "tower.weights=nowhere.h5"], "there is no file nowhere.h5"),
    ],
)
def test_wrong_usage_is_one_line(capfd, words, message):
    assert main(["towers", *words]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert message in line
