"""A plain residual network: built-in Keras layers only, made to lose nothing as full-int8 TFLite."""

from __future__ import annotations

from typing import Any

from edge_runtime.preprocess import InputSpec
from train.config import TowerConfig
from train.keras_quietly import keras

_NORM_MOMENTUM = 0.95


def plain(spec: InputSpec, config: TowerConfig) -> Any:
    """A plain residual network of 3×3 convolutions.

    ReLU6 keeps the activations within a range that eight bits resolve well; batch normalisation disappears into the
    convolutions on conversion; there is no PReLU, which is slow in int8. He et al. 2016, arXiv:1512.03385.

    Args:
        spec: What it takes in: normalised float32 of shape (size, size, channels).
        config: Width, blocks, head, dropout and embedding length.

    Returns:
        A Keras model that gives raw embeddings, float32 of shape (n, embedding_length), not scaled to length 1.
    """
    inputs = keras.Input(spec.shape, name="pixels")
    values = _convolution(inputs, config.width, 2, activate=True)
    for stage, blocks in enumerate(config.blocks):
        for block in range(blocks):
            values = _residual(values, config.width * 2**stage, 2 if block == 0 and stage > 0 else 1)
    if config.head == "average":
        values = keras.layers.GlobalAveragePooling2D()(values)
    else:
        values = keras.layers.Flatten()(values)
    if config.dropout:
        values = keras.layers.Dropout(config.dropout)(values)
    outputs = keras.layers.Dense(config.embedding_length, name="embedding")(values)
    return keras.Model(inputs, outputs, name=f"plain_{config.width}")


def _convolution(values: Any, channels: int, stride: int, *, activate: bool, kernel: int = 3) -> Any:
    values = keras.layers.Conv2D(
        channels, kernel, stride, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(values)
    values = keras.layers.BatchNormalization(momentum=_NORM_MOMENTUM)(values)
    return keras.layers.ReLU(max_value=6.0)(values) if activate else values


def _residual(values: Any, channels: int, stride: int) -> Any:
    skip = values
    if stride != 1 or values.shape[-1] != channels:
        skip = _convolution(values, channels, stride, activate=False, kernel=1)
    inner = _convolution(values, channels, stride, activate=True)
    inner = _convolution(inner, channels, 1, activate=False)
    return keras.layers.ReLU(max_value=6.0)(keras.layers.Add()([inner, skip]))
