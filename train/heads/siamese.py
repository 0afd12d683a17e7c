"""The Siamese pair model: one tower, applied twice.

Training needs no such model: a P×K batch goes through the tower once, and the losses take all of its pairs, which is
the same mathematics with fewer passes (a test proves it). The pair model is for looking at single pairs, and says in
the graph what "Siamese" means (Bromley et al. 1993, "Signature
Verification using a Siamese Time Delay Neural Network").
"""

from __future__ import annotations

from typing import Any, Literal

from edge_runtime.errors import UsageError
from train.keras_quietly import keras

Distance = Literal["cosine", "euclidean"]


def pair_model(tower: Any, distance: Distance = "euclidean") -> Any:
    """Two pictures in, the distance of their embeddings out; both go through the same weights.

    Args:
        tower: A tower that gives raw embeddings of shape (n, d).
        distance: ``"cosine"`` (1 − cosine similarity, 0 to 2) or ``"euclidean"`` (of embeddings scaled to length 1,
            0 to 2).

    Returns:
        A Keras model with the inputs ``[left, right]``, float32 of the tower's input shape, and an output of shape
        (n, 1). Its trainable weights are the tower's own.

    Raises:
        UsageError: The distance is unknown.
    """
    if distance not in ("cosine", "euclidean"):
        raise UsageError(f"unknown distance {distance!r}; known are cosine, euclidean.")
    left = keras.Input(tower.input_shape[1:], name="left")
    right = keras.Input(tower.input_shape[1:], name="right")
    first = keras.layers.UnitNormalization(axis=-1)(tower(left))
    second = keras.layers.UnitNormalization(axis=-1)(tower(right))
    similarity = keras.layers.Dot(axes=-1)([first, second])
    if distance == "cosine":
        output = 1.0 - similarity
    else:
        output = keras.ops.sqrt(keras.ops.maximum(2.0 - 2.0 * similarity, 1e-12))
    return keras.Model([left, right], output, name=f"siamese_{tower.name}")
