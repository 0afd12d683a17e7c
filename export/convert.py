"""From a Keras tower to a TFLite flatbuffer with batch 1 and built-in operators alone."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import TowerError
from edge_runtime.preprocess import InputSpec
from edge_runtime.tower import Embedder
from export.quiet import import_tensorflow, quiet_tensorflow
from export.recipes import Recipe


def convert_tower(model: Any, spec: InputSpec, recipe: Recipe, representative: npt.NDArray[np.float32]) -> bytes:
    """Convert a tower; the same tower, recipe and representative set always give the same bytes.

    Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
    arXiv:1712.05877.

    Args:
        model: Keras tower, from :func:`export.keras_file.load_keras_tower`.
        spec: What it takes in.
        recipe: How to convert it.
        representative: What it sees of the representative set: float32 (n, size, size, channels). Used by int8 alone.

    Returns:
        The flatbuffer.

    Raises:
        TowerError: TensorFlow cannot convert it, or the result is not what the recipe promises.
    """
    tf, _ = import_tensorflow()
    signature = [tf.TensorSpec((1, *spec.shape), tf.float32, name="image")]
    with quiet_tensorflow(), tempfile.TemporaryDirectory(prefix="siamlite-export-") as folder:
        try:
            model.export(folder, format="tf_saved_model", verbose=False, input_signature=signature)
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            if recipe.full_integer:
                _make_full_integer(tf, converter, representative)
            else:
                converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
            flatbuffer = bytes(converter.convert())
        except Exception as error:  # The converter raises errors of many unrelated kinds.
            lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
            raise TowerError(f"TensorFlow cannot convert this tower to {recipe.name}: {lines[0][:300]}") from error
    _check_tensors(flatbuffer, spec, recipe)
    return flatbuffer


def _make_full_integer(tf: Any, converter: Any, representative: npt.NDArray[np.float32]) -> None:
    def samples() -> Iterator[list[npt.NDArray[np.float32]]]:
        for values in representative:
            yield [values[None]]

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = samples
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8


def _check_tensors(flatbuffer: bytes, spec: InputSpec, recipe: Recipe) -> None:
    """Load the result as the device will, and see that its ends are of the promised type."""
    interpreter = Embedder(flatbuffer, spec).interpreter
    wanted = "int8" if recipe.full_integer else "float32"
    found = [interpreter.inputs[0].dtype, interpreter.outputs[0].dtype]
    if found != [wanted, wanted]:
        raise TowerError(f"the {recipe.name} conversion takes and gives {' and '.join(found)}, not {wanted}.")
