"""Which layers lose most when they become integers: TensorFlow's quantization debugger, in the tower's own words."""

from __future__ import annotations

import csv
import fnmatch
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import UsageError
from export.conversion.convert import SavedTower, converting, make_converter
from export.conversion.names import layer_name
from export.conversion.recipes import RECIPES
from export.quiet import import_tensorflow

# Errors settle quickly, and each picture costs two runs that keep every tensor.
_PICTURES = 50
# These move numbers about and compute none.
_MOVERS = frozenset({"CONCATENATION", "DEQUANTIZE", "PACK", "PAD", "QUANTIZE", "RESHAPE", "SPLIT", "TRANSPOSE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerError:
    """How far a layer's int8 output is from its float output, given the same int8 input.

    Attributes:
        name: The layers in it, by their Keras names.
        operator: The TFLite operator.
        tensor: Name of its output tensor.
        error: Root mean square error in steps of its output's quantization. Rounding alone gives 1/√12 ≈ 0.29.
        loss: 1 − mean cosine to the float embedding where this layer alone is int8; None where it was not measured.
    """

    name: str
    operator: str
    tensor: str
    error: float
    loss: float | None = None


def layer_errors(saved: SavedTower, values: npt.NDArray[np.float32]) -> list[LayerError]:
    """The error that int8 makes in each layer, the worst first.

    TensorFlow, "Inspecting quantization errors with quantization debugger": the measure is RMSE / scale.

    Args:
        saved: The tower.
        values: What it sees of the representative set: float32 (n, size, size, channels).

    Raises:
        TowerError: TensorFlow cannot convert it to int8.
    """
    tf, _ = import_tensorflow()
    with converting("int8 with a debugger"):
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=make_converter(saved, RECIPES["int8"], values),
            debug_dataset=lambda: ([one[None]] for one in values[:_PICTURES]),
        )
        debugger.run()
        held = io.StringIO()
        debugger.layer_statistics_dump(held)
    found = [_of_row(row) for row in csv.DictReader(io.StringIO(held.getvalue())) if row["op_name"] not in _MOVERS]
    return sorted(found, key=lambda layer: (-layer.error, layer.tensor))


def _of_row(row: dict[str, str]) -> LayerError:
    step = float(row["scale"])
    error = math.sqrt(float(row["mean_squared_error"])) / step if step > 0 else math.inf
    return LayerError(
        name=layer_name(row["tensor_name"]), operator=row["op_name"], tensor=row["tensor_name"], error=error
    )


def named_layers(errors: Sequence[LayerError], patterns: Sequence[str]) -> list[LayerError]:
    """The layers that patterns such as ``conv2d_1*`` name.

    Args:
        errors: All layers.
        patterns: Shell patterns, matched against a layer's name, each Keras name in it, and its tensor.

    Raises:
        UsageError: A pattern matches no layer.
    """
    found: dict[str, LayerError] = {}
    for pattern in patterns:
        hits = [
            layer
            for layer in errors
            if any(fnmatch.fnmatchcase(name, pattern) for name in (layer.name, layer.tensor, *layer.name.split("+")))
        ]
        if not hits:
            known = ", ".join(layer.name for layer in errors)
            raise UsageError(f"--keep-float: no layer is called {pattern!r}; the layers are: {known}")
        found |= {layer.tensor: layer for layer in hits}
    return list(found.values())
