"""The small network of the well-known Keras tutorials on Siamese networks."""

from __future__ import annotations

from typing import Any

from edge_runtime.towers.preprocess import InputSpec
from train.config import TowerConfig
from train.keras_quietly import keras
from train.towers.blocks import embedding


def tutorial(spec: InputSpec, config: TowerConfig) -> Any:
    """Two 2×2 convolutions with maximum pooling and dropout, then the head.

    Exactly the tutorial's (Rosebrock 2020, "Siamese networks with Keras, TensorFlow, and Deep Learning") at 28×28 grey
    with width 64, dropout 0.3, embedding length 48 and head ``"average"``.

    Args:
        spec: What it takes in.
        config: ``width`` is the channels of both convolutions; ``dropout`` follows each pooling, not the head; head and
            embedding length. ``blocks`` is not used.

    Returns:
        A Keras model that gives raw embeddings, float32 of shape (n, embedding_length).
    """
    values = inputs = keras.Input(spec.shape, name="pixels")
    for _ in range(2):
        values = keras.layers.Conv2D(config.width, 2, padding="same", activation="relu")(values)
        values = keras.layers.MaxPooling2D(2)(values)
        if config.dropout:
            values = keras.layers.Dropout(config.dropout)(values)
    outputs = embedding(values, config, dropout=False)
    return keras.Model(inputs, outputs, name=f"tutorial_{config.width}")
