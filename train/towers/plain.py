"""A plain residual network: built-in Keras layers only, made to lose nothing as full-int8 TFLite."""

from __future__ import annotations

from typing import Any

from edge_runtime.towers.preprocess import InputSpec
from train.config import TowerConfig
from train.keras_quietly import keras
from train.towers.blocks import convolution, embedding


def plain(spec: InputSpec, config: TowerConfig) -> Any:
    """A plain residual network of 3×3 convolutions.

    Plain convolutions gain most from int8; there is no PReLU, which is slow in int8. He et al. 2016, "Deep Residual
    Learning for Image Recognition", arXiv:1512.03385.

    Args:
        spec: What it takes in: normalised float32 of shape (size, size, channels).
        config: ``width`` is the channels of the first stage, doubled at each stage; blocks, head, dropout and embedding
            length.

    Returns:
        A Keras model that gives raw embeddings, float32 of shape (n, embedding_length), not scaled to length 1.
    """
    inputs = keras.Input(spec.shape, name="pixels")
    values = convolution(inputs, config.width, stride=2)
    for stage, blocks in enumerate(config.blocks):
        for block in range(blocks):
            values = _residual(values, config.width * 2**stage, 2 if block == 0 and stage > 0 else 1)
    return keras.Model(inputs, embedding(values, config), name=f"plain_{config.width}")


def _residual(values: Any, channels: int, stride: int) -> Any:
    skip = values
    if stride != 1 or values.shape[-1] != channels:
        skip = convolution(values, channels, kernel=1, stride=stride, activate=False)
    inner = convolution(values, channels, stride=stride)
    inner = convolution(inner, channels, activate=False)
    return keras.layers.ReLU(max_value=6.0)(keras.layers.Add()([inner, skip]))
