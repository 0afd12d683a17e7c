"""Depthwise networks: MobileFaceNet, which was made for faces, and MobileNetV2, which it comes from."""

from __future__ import annotations

from typing import Any

from edge_runtime.towers.preprocess import InputSpec
from train.config import TowerConfig
from train.keras_quietly import keras
from train.towers.blocks import NORM_MOMENTUM, convolution, depthwise, embedding, inverted_residual, scaled_channels

# Expansion, channels, repeats, stride of the first: table 1 of Chen et al. and table 2 of Sandler et al.
_FACE_STAGES = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))
_V2_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def mobilefacenet(spec: InputSpec, config: TowerConfig) -> Any:
    """MobileFaceNet with ReLU6 in place of PReLU, which is slow in int8.

    Chen et al. 2018, "MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on Mobile Devices",
    arXiv:1804.07573. The head is the paper's: a linear depthwise convolution over the whole map (7×7 at 112 px), so
    that each place of the face has its own weight, and a linear layer.

    Args:
        spec: What it takes in: 112×112 RGB in the paper.
        config: ``width`` 64 is the paper's, another one scales all channels; embedding length (128 in the paper);
            ``dropout`` before the last layer (none in the paper). ``blocks`` and ``head`` are not used.

    Returns:
        A Keras model that gives raw embeddings, float32 of shape (n, embedding_length).
    """
    factor = config.width / 64
    inputs = keras.Input(spec.shape, name="pixels")
    values = convolution(inputs, scaled_channels(64, factor), stride=2)
    values = _stages(depthwise(values), _FACE_STAGES, factor)
    values = convolution(values, scaled_channels(512, factor), kernel=1)
    values = depthwise(values, kernel=values.shape[1], activate=False, padding="valid")
    values = keras.layers.Flatten()(values)
    if config.dropout:
        values = keras.layers.Dropout(config.dropout)(values)
    values = keras.layers.Dense(config.embedding_length, use_bias=False, name="embedding")(values)
    outputs = keras.layers.BatchNormalization(momentum=NORM_MOMENTUM)(values)
    return keras.Model(inputs, outputs, name=f"mobilefacenet_{config.width}")


def mobilenet_v2(spec: InputSpec, config: TowerConfig) -> Any:
    """MobileNetV2 with the head of the recipe.

    Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", arXiv:1801.04381.

    Args:
        spec: What it takes in; the map before the head is a 32nd of its side.
        config: ``width`` is 32 × the paper's width multiplier; head, dropout and embedding length. ``blocks`` is not
            used.

    Returns:
        A Keras model that gives raw embeddings, float32 of shape (n, embedding_length).
    """
    factor = config.width / 32
    inputs = keras.Input(spec.shape, name="pixels")
    values = convolution(inputs, scaled_channels(32, factor), stride=2)
    values = _stages(values, _V2_STAGES, factor)
    # The paper keeps the last layer whole in narrower networks.
    values = convolution(values, scaled_channels(1280, max(1.0, factor)), kernel=1)
    return keras.Model(inputs, embedding(values, config), name=f"mobilenet_v2_{config.width}")


def _stages(values: Any, stages: tuple[tuple[int, int, int, int], ...], factor: float) -> Any:
    for expansion, channels, repeats, first_stride in stages:
        for block in range(repeats):
            values = inverted_residual(
                values,
                scaled_channels(channels, factor),
                expansion=expansion,
                stride=first_stride if block == 0 else 1,
            )
    return values
