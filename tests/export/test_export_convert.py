from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.errors import TowerError
from edge_runtime.faces.align import DEFAULT_TEMPLATE
from edge_runtime.towers.preprocess import InputSpec
from edge_runtime.towers.tower import Embedder
from export.conversion.convert import convert_tower
from export.conversion.recipes import RECIPES
from export.pictures.crops import CropReader, list_files, load_crops
from export.quiet import import_tensorflow, quiet_tensorflow
from export.sources.float_tower import KerasTower
from export.sources.keras_file import embed_float, load_keras_tower, tower_values

SPEC = InputSpec(size_px=48, colour="grey")


@pytest.fixture(scope="module")
def crops(faces: Path) -> np.ndarray:
    reader = CropReader(faces, size_px=48, template=DEFAULT_TEMPLATE)
    return load_crops(reader, list_files(faces)[::3], what="set").crops_rgb


@pytest.fixture(scope="module")
def converted(tower_model: Any, crops: np.ndarray) -> dict[str, bytes]:
    """The tower, once in each recipe."""
    values = tower_values(crops, SPEC)
    return {
        name: convert_tower(KerasTower(model=tower_model, spec=SPEC), recipe, values)
        for name, recipe in RECIPES.items()
    }


@pytest.mark.parametrize(("recipe", "dtype", "lowest"), [("int8", "int8", 0.97), ("float32", "float32", 0.99999)])
def test_the_file_is_of_the_promised_type_and_agrees(
    converted: dict[str, bytes], tower_model: Any, crops: np.ndarray, recipe: str, dtype: str, lowest: float
) -> None:
    embedder = Embedder(converted[recipe], SPEC)
    (taken,), (given,) = embedder.interpreter.inputs, embedder.interpreter.outputs
    assert (taken.dtype, taken.shape) == (dtype, (1, 48, 48, 1))
    assert (given.dtype, given.shape) == (dtype, (1, 32))
    raw = embed_float(tower_model, crops, SPEC)
    cosines = np.sum(embedder.embed(crops) * raw / np.linalg.norm(raw, axis=1, keepdims=True), axis=1)
    assert cosines.min() > lowest


def test_int8_leaves_no_float_tensor_inside(converted: dict[str, bytes]) -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=converted["int8"])
    interpreter.allocate_tensors()
    types = {np.dtype(tensor["dtype"]).name for tensor in interpreter.get_tensor_details()}
    assert types == {"int8", "int32"}


@pytest.mark.parametrize("recipe", list(RECIPES))
def test_the_same_tower_and_set_give_the_same_bytes(
    converted: dict[str, bytes], tower_file: Path, crops: np.ndarray, recipe: str
) -> None:
    loaded = load_keras_tower(tower_file, SPEC, embedding_length=32)
    assert (
        convert_tower(KerasTower(model=loaded, spec=SPEC), RECIPES[recipe], tower_values(crops, SPEC))
        == converted[recipe]
    )


def test_the_representative_set_is_what_sets_the_ranges(
    converted: dict[str, bytes], tower_model: Any, crops: np.ndarray
) -> None:
    dark = convert_tower(KerasTower(model=tower_model, spec=SPEC), RECIPES["int8"], tower_values(crops // 64, SPEC))
    # Quantized ranges hold zero: pixels that are all near black (-1) give the range from -1 to 0 and no more.
    seen = Embedder(dark, SPEC).interpreter.inputs[0].step
    assert seen == pytest.approx(1 / 255, rel=1e-3)
    assert Embedder(converted["int8"], SPEC).interpreter.inputs[0].step > 1.5 * seen


def test_a_layer_that_no_int8_operator_computes_is_refused(crops: np.ndarray) -> None:
    _, keras = import_tensorflow()
    with quiet_tensorflow():
        image = keras.Input(SPEC.shape)
        values = keras.ops.erfinv(keras.layers.Conv2D(4, 3, activation="tanh")(image))
        model = keras.Model(image, keras.layers.Dense(32)(keras.layers.GlobalAveragePooling2D()(values)))
    with pytest.raises(TowerError, match="TensorFlow cannot convert this tower to int8"):
        convert_tower(KerasTower(model=model, spec=SPEC), RECIPES["int8"], tower_values(crops[:10], SPEC))
