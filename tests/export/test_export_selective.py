"""Layers that int8 harms: found by name, by their error, and by what they cost alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.errors import UsageError
from edge_runtime.faces.align import DEFAULT_TEMPLATE
from edge_runtime.towers.preprocess import InputSpec
from edge_runtime.towers.tower import Embedder
from export.conversion.convert import SavedTower, convert_saved, saved_tower
from export.conversion.layers import LayerError, layer_errors, named_layers
from export.conversion.names import layer_name
from export.conversion.recipes import RECIPES
from export.conversion.sensitivity import rank_by_loss
from export.gate.attempt import Watcher, find_conversion
from export.gate.result import GateResult
from export.pictures.crops import CropReader, CropSet, list_files, load_crops
from export.quiet import import_tensorflow, quiet_tensorflow
from export.runtimes.runner import LocalRunner
from export.settings import Settings
from export.sources.float_tower import KerasTower
from export.sources.keras_file import tower_values

SPEC = InputSpec(size_px=48, colour="grey")
# One channel of a layer is so much wider than the others that eight bits for all of them leave nothing of those.
WIDE = 400.0


@pytest.fixture(scope="module")
def fragile() -> KerasTower:
    """A tower of which one layer stretches a channel and the next one shrinks it again: int8 alone harms it."""
    _, keras = import_tensorflow()
    layers = keras.layers
    with quiet_tensorflow():
        keras.utils.set_random_seed(1)
        image = keras.Input(SPEC.shape)
        values = layers.ReLU()(layers.Conv2D(8, 3, strides=2, padding="same")(image))
        values = layers.DepthwiseConv2D(1, use_bias=False, name="stretch")(values)
        values = layers.ReLU()(layers.Conv2D(16, 3, strides=2, padding="same", name="shrink")(values))
        values = layers.ReLU()(layers.Conv2D(32, 3, strides=2, padding="same", name="last")(values))
        model = keras.Model(image, layers.Dense(32)(layers.GlobalAveragePooling2D()(values)))
        model.get_layer("stretch").set_weights([np.array([WIDE] + [1.0] * 7, np.float32).reshape(1, 1, 8, 1)])
        kernel, bias = model.get_layer("shrink").get_weights()
        kernel[:, :, 0] /= WIDE
        model.get_layer("shrink").set_weights([kernel, bias])
    return KerasTower(model=model, spec=SPEC)


@pytest.fixture(scope="module")
def crops(faces: Path) -> CropSet:
    reader = CropReader(faces, size_px=48, template=DEFAULT_TEMPLATE)
    return load_crops(reader, list_files(faces), what="set")


@pytest.fixture(scope="module")
def measured(fragile: KerasTower, crops: CropSet) -> list[LayerError]:
    with saved_tower(fragile) as saved:
        return layer_errors(saved, tower_values(crops.crops_rgb[:30], SPEC))


def cosine(saved: SavedTower, tower: KerasTower, crops: CropSet, kept: list[LayerError]) -> float:
    part = crops.crops_rgb[:30]
    recipe = RECIPES["int8-selective" if kept else "int8"]
    flatbuffer = convert_saved(saved, recipe, tower_values(part, SPEC), keep_float=[layer.tensor for layer in kept])
    raw = tower.embed(part)
    unit = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    return float(np.sum(Embedder(flatbuffer, SPEC).embed(part) * unit, axis=1).mean())


def test_the_debugger_names_layers_as_keras_does(measured: list[LayerError]) -> None:
    assert [layer.error for layer in measured] == sorted((layer.error for layer in measured), reverse=True)
    assert {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"} <= {layer.operator for layer in measured}
    assert "shrink" in measured[0].name
    assert any("stretch" in layer.name for layer in measured)


@pytest.mark.parametrize(
    ("tensor", "name"),
    [
        ("net/relu/Relu6;net/conv/convolution", "conv+relu"),
        ("net/block/conv/convolution;net/block/conv/bias", "conv"),
        ("StatefulPartitionedCall_1:0", "output"),
    ],
)
def test_names_of_fused_tensors(tensor: str, name: str) -> None:
    assert layer_name(tensor) == name


def test_layers_are_named_by_patterns(measured: list[LayerError]) -> None:
    stretch = next(layer for layer in measured if "stretch" in layer.name)
    assert named_layers(measured, ["stretch*"]) == [stretch]
    assert named_layers(measured, [stretch.tensor, "stretch*"]) == [stretch]
    with pytest.raises(UsageError, match="no layer is called 'conv99'; the layers are: "):
        named_layers(measured, ["conv99"])


def test_what_a_layer_costs_alone_finds_the_two_that_belong_together(
    fragile: KerasTower, crops: CropSet, measured: list[LayerError]
) -> None:
    with saved_tower(fragile) as saved:
        ranked = rank_by_loss(saved, measured, crops.crops_rgb, fragile)
        assert {word.split("_")[0] for layer in ranked[:2] for word in layer.name.split("+")} >= {"stretch", "shrink"}
        assert ranked[1].loss is not None
        assert ranked[2].loss is not None
        assert ranked[1].loss > 10 * ranked[2].loss
        whole, mended = cosine(saved, fragile, crops, []), cosine(saved, fragile, crops, ranked[:2])
        by_error = cosine(saved, fragile, crops, measured[:2])
    assert whole < 0.99
    assert mended > 0.999
    assert mended > by_error


def test_where_int8_fails_the_worst_layers_stay_float(fragile: KerasTower, crops: CropSet, tmp_path: Path) -> None:
    told: list[GateResult] = []
    listed: list[Any] = []
    settings = Settings(out=tmp_path / "t", representative=tmp_path, or_selective=True, limits=("eer-rise=0.4",))
    found = find_conversion(
        fragile,
        settings,
        representative=crops.take(range(0, 60)),
        evaluation=crops.take(range(60, 140)),
        runner=LocalRunner(),
        watcher=Watcher(gate=told.append, layers=listed.append),
    )
    assert [result.passed for result in told] == [False, False, True]
    assert [result.recipe for result in told] == ["int8", "int8-selective", "int8-selective"]
    assert "mean cosine" in told[0].reasons[0]
    assert found.result.passed
    assert len(found.kept) == 2
    assert [layer.loss is None for layer in (listed[0][0], listed[1][0])] == [True, False]


def test_named_layers_are_the_only_ones_kept(fragile: KerasTower, crops: CropSet, tmp_path: Path) -> None:
    settings = Settings(
        out=tmp_path / "t", representative=tmp_path, recipe="int8-selective", keep_float=("stretch*", "shrink*")
    )
    found = find_conversion(
        fragile,
        settings,
        representative=crops.take(range(0, 60)),
        evaluation=crops.take(range(60, 140)),
        runner=LocalRunner(),
        watcher=Watcher(),
    )
    assert sorted(layer.name.split("_")[0] for layer in found.kept) == ["shrink", "stretch"]
    assert found.result.passed
