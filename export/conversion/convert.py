"""From a float tower to a TFLite flatbuffer with batch 1 and built-in operators alone.

Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
arXiv:1712.05877.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import TowerError, WriteError
from edge_runtime.towers.preprocess import InputSpec
from edge_runtime.towers.tower import Embedder
from export.conversion.recipes import Recipe
from export.quiet import import_tensorflow, quiet_tensorflow
from export.sources.float_tower import FloatTower

# A SavedModel of nothing, and what the converter writes beside it.
_LEAST_SPACE = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedTower:
    """A tower as a SavedModel on the disk, to be converted once or several times.

    Attributes:
        folder: The SavedModel.
        spec: What the tower takes in.
    """

    folder: Path
    spec: InputSpec


@contextlib.contextmanager
def saved_tower(tower: FloatTower) -> Iterator[SavedTower]:
    """Write a tower as a SavedModel for as long as the block runs.

    Raises:
        TowerError: TensorFlow cannot write it.
        WriteError: The folder for temporary files is full.
    """
    with tempfile.TemporaryDirectory(prefix="siamlite-export-") as folder:
        if shutil.disk_usage(folder).free < _LEAST_SPACE:
            raise _full(folder)
        with converting("SavedModel"):
            tower.write_saved_model(Path(folder))
        yield SavedTower(folder=Path(folder), spec=tower.spec)


def convert_saved(
    saved: SavedTower, recipe: Recipe, values: npt.NDArray[np.float32], *, keep_float: Sequence[str] = ()
) -> bytes:
    """Convert a tower; the same tower, recipe and representative set always give the same bytes.

    Args:
        saved: The tower, from :func:`saved_tower`.
        recipe: How to convert it.
        values: What it sees of the representative set: float32 (n, size, size, channels). Only recipes that are
            calibrated use it.
        keep_float: Names of tensors whose operators stay float, from :func:`export.conversion.layers.layer_errors`;
            only a selective recipe takes them.

    Returns:
        The flatbuffer.

    Raises:
        TowerError: TensorFlow cannot convert it, or the result is not what the recipe promises.
        WriteError: The folder for temporary files is full.
    """
    with converting(recipe.name):
        converter = make_converter(saved, recipe, values)
        flatbuffer = _convert_selectively(converter, values, keep_float) if keep_float else bytes(converter.convert())
    _check_tensors(flatbuffer, saved.spec, recipe)
    return flatbuffer


def convert_tower(tower: FloatTower, recipe: Recipe, values: npt.NDArray[np.float32]) -> bytes:
    """Convert a tower once; see :func:`saved_tower` and :func:`convert_saved`."""
    with saved_tower(tower) as saved:
        return convert_saved(saved, recipe, values)


def make_converter(saved: SavedTower, recipe: Recipe, values: npt.NDArray[np.float32]) -> Any:
    """TensorFlow's converter, set up for a recipe but for the layers that stay float."""
    tf, _ = import_tensorflow()
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved.folder))
    sets, operators = tf.lite.OpsSet, [tf.lite.OpsSet.TFLITE_BUILTINS]
    if recipe.weights != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if recipe.weights == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if recipe.calibrated:
        converter.representative_dataset = lambda: ([one[None]] for one in values)
        if recipe.activations == "int16":
            operators = [sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
        else:
            operators = [sets.TFLITE_BUILTINS_INT8, *operators] if recipe.selective else [sets.TFLITE_BUILTINS_INT8]
    converter.target_spec.supported_ops = operators
    if recipe.ends == "int8":
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter


def _convert_selectively(converter: Any, values: npt.NDArray[np.float32], keep_float: Sequence[str]) -> bytes:
    tf, _ = import_tensorflow()
    debug = tf.lite.experimental
    debugger = debug.QuantizationDebugger(
        converter=converter,
        debug_dataset=lambda: ([one[None]] for one in values[:1]),
        debug_options=debug.QuantizationDebugOptions(denylisted_nodes=list(keep_float)),
    )
    return bytes(debugger.get_nondebug_quantized_model())


@contextlib.contextmanager
def converting(what: str) -> Iterator[None]:
    """Turn whatever TensorFlow raises while it converts into one line.

    Raises:
        TowerError: The block failed; the error says of what.
        WriteError: The folder for temporary files is full.
    """
    with quiet_tensorflow():
        try:
            yield
        except Exception as error:  # The converter raises errors of many unrelated kinds.
            if "No space left" in str(error):
                raise _full(tempfile.gettempdir()) from error
            lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
            raise TowerError(f"TensorFlow cannot convert this tower to {what}: {lines[0][:300]}") from error


def _full(folder: str) -> WriteError:
    return WriteError(
        f"the folder for temporary files, {folder}, is full, so the tower cannot be converted. Nothing was written. "
        "Free some space, or name another folder: TMPDIR=/path python -m export …"
    )


def _check_tensors(flatbuffer: bytes, spec: InputSpec, recipe: Recipe) -> None:
    """Load the result as the device will, and see that its ends are of the promised type."""
    interpreter = Embedder(flatbuffer, spec).interpreter
    found = [interpreter.inputs[0].dtype, interpreter.outputs[0].dtype]
    if found != [recipe.ends, recipe.ends]:
        raise TowerError(f"the {recipe.name} conversion takes and gives {' and '.join(found)}, not {recipe.ends}.")
