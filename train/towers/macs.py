"""How much a tower computes."""

from __future__ import annotations

from typing import Any

from train.keras_quietly import keras


def count_macs(tower: Any) -> int:
    """Multiply-accumulates of one forward pass, of its convolutions and dense layers.

    Additions of biases, activations, pooling and normalisation are left out, as papers do; normalisation disappears
    into the convolutions on conversion.

    Args:
        tower: A Keras model; models inside it are counted too.

    Returns:
        The number for one picture.
    """
    return sum(_layer_macs(layer) for layer in tower.layers)


def _layer_macs(layer: Any) -> int:
    layers = keras.layers
    if isinstance(layer, keras.Model):
        return count_macs(layer)
    if isinstance(layer, layers.SeparableConv2D):
        kernels = [layer.depthwise_kernel, layer.pointwise_kernel]
    elif isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D | layers.Dense):
        kernels = [layer.kernel]
    else:
        return 0
    # A kernel is applied at every place of the output map; a dense layer on a flat vector has one place.
    places = 1
    for side in layer.output.shape[1:-1]:
        places *= int(side)
    return places * sum(int(kernel.shape.num_elements()) for kernel in kernels)
