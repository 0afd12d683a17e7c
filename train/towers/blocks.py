"""What the towers are built of: convolutions with batch normalisation, inverted residuals, the embedding layer."""

from __future__ import annotations

from typing import Any

from train.config import TowerConfig
from train.keras_quietly import keras

# Keras's own 0.99, and the 0.999 of some of keras.applications, need thousands of steps before the running statistics
# mean anything; a short training would be measured with statistics that are not its own.
NORM_MOMENTUM = 0.95


def convolution(values: Any, channels: int, *, kernel: int = 3, stride: int = 1, activate: bool = True) -> Any:
    """Convolution, batch normalisation and, where asked for, ReLU6.

    ReLU6 keeps the activations within a range that eight bits resolve well; the normalisation disappears into the
    convolution on conversion.

    Args:
        values: Keras tensor (n, height, width, channels).
        channels: Channels of the result.
        kernel: Side of the kernel in pixels.
        stride: Step in pixels.
        activate: Whether ReLU6 follows; without it the block is linear.

    Returns:
        Keras tensor (n, height / stride, width / stride, ``channels``), sides rounded up.
    """
    values = keras.layers.Conv2D(
        channels, kernel, stride, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(values)
    return _normalised(values, activate)


def depthwise(values: Any, *, kernel: int = 3, stride: int = 1, activate: bool = True, padding: str = "same") -> Any:
    """Depthwise convolution, batch normalisation and, where asked for, ReLU6; arguments as of :func:`convolution`."""
    # Keras takes kernel² × channels for the fan-in of a depthwise kernel; each output sees kernel² values only.
    initializer = keras.initializers.VarianceScaling(scale=2.0 * values.shape[-1], mode="fan_in")
    values = keras.layers.DepthwiseConv2D(
        kernel, stride, padding=padding, use_bias=False, depthwise_initializer=initializer
    )(values)
    return _normalised(values, activate)


def inverted_residual(values: Any, channels: int, *, expansion: int, stride: int = 1) -> Any:
    """Widen, convolve depthwise, narrow linearly; added to the input where the shape stays the same.

    Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", arXiv:1801.04381.

    Args:
        values: Keras tensor (n, height, width, channels).
        channels: Channels of the result.
        expansion: How many times wider the inside is; 1 leaves the widening out.
        stride: Step of the depthwise convolution in pixels.

    Returns:
        Keras tensor (n, height / stride, width / stride, ``channels``).
    """
    inner = values
    if expansion != 1:
        inner = convolution(inner, values.shape[-1] * expansion, kernel=1)
    inner = depthwise(inner, stride=stride)
    inner = convolution(inner, channels, kernel=1, activate=False)
    if stride == 1 and values.shape[-1] == channels:
        return keras.layers.Add()([values, inner])
    return inner


def embedding(values: Any, config: TowerConfig, *, dropout: bool = True) -> Any:
    """The head of a recipe: pooling or flattening, dropout, and the dense layer that gives the raw embedding.

    Args:
        values: Keras tensor (n, height, width, channels).
        config: Head, dropout and embedding length.
        dropout: Whether the recipe's dropout belongs here.

    Returns:
        Keras tensor (n, embedding_length), not scaled to length 1.
    """
    if config.head == "average":
        values = keras.layers.GlobalAveragePooling2D()(values)
    elif config.head == "max":
        values = keras.layers.GlobalMaxPooling2D()(values)
    else:
        values = keras.layers.Flatten()(values)
    if dropout and config.dropout:
        values = keras.layers.Dropout(config.dropout)(values)
    return keras.layers.Dense(config.embedding_length, name="embedding")(values)


def scaled_channels(channels: int, factor: float) -> int:
    """Channels times a factor, as a multiple of 8 that is at least 8 and at most a tenth below (MobileNet's rule)."""
    rounded = max(8, int(channels * factor + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels * factor else rounded


def _normalised(values: Any, activate: bool) -> Any:
    values = keras.layers.BatchNormalization(momentum=NORM_MOMENTUM)(values)
    return keras.layers.ReLU(max_value=6.0)(values) if activate else values
