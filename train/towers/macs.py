"""How much a tower computes."""

from __future__ import annotations

from typing import Any

from train.keras_quietly import keras


def count_macs(tower: Any) -> int:
    """Multiply-accumulates of one forward pass, of its convolutions and dense layers."""
    total = 0
    for layer in tower.layers:
        if isinstance(layer, keras.layers.Conv2D):
            total += int(layer.kernel.shape.num_elements()) * layer.output.shape[1] * layer.output.shape[2]
        elif isinstance(layer, keras.layers.Dense):
            total += int(layer.kernel.shape.num_elements())
    return total
