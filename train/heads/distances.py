"""How far apart two embeddings are: the same functions for the losses and for the pair model.

Every function takes float32 tensors, TensorFlow's or symbolic ones of Keras, and has a finite gradient everywhere, also
where two embeddings coincide.
"""

from __future__ import annotations

from typing import Any

from edge_runtime.errors import UsageError
from train.config.network import DISTANCES
from train.keras_quietly import keras

# Squared; the root has no slope at 0, so it is kept a little away from it.
_TINY = 1e-12


def unit(rows: Any) -> Any:
    """Embeddings of shape (..., d) scaled to length 1; a zero embedding stays zero."""
    squares = keras.ops.sum(keras.ops.square(rows), axis=-1, keepdims=True)
    return rows * keras.ops.rsqrt(keras.ops.maximum(squares, _TINY))


def pair_distances(first: Any, second: Any, distance: str) -> Any:
    """Distances of pairs, row by row.

    Args:
        first: Embeddings of shape (..., d).
        second: Embeddings of the same shape.
        distance: ``"euclidean"``, ``"squared-euclidean"`` or ``"cosine"`` (1 − cosine similarity, whatever the lengths
            of the embeddings, 0 to 2).

    Returns:
        Shape (...); 0 at least (Euclidean distances: 1e-6).

    Raises:
        UsageError: The distance is unknown, or has weights to be learned (``"weighted-l1"``).
    """
    _check_plain(distance)
    if distance == "cosine":
        return 1.0 - keras.ops.sum(unit(first) * unit(second), axis=-1)
    squared = keras.ops.sum(keras.ops.square(first - second), axis=-1)
    return squared if distance == "squared-euclidean" else _root(squared)


def distance_matrix(rows: Any, distance: str) -> Any:
    """Distances of every embedding of a batch from every other, by one matrix product.

    Args:
        rows: Embeddings of shape (n, d).
        distance: As for :func:`pair_distances`.

    Returns:
        Shape (n, n).

    Raises:
        UsageError: As for :func:`pair_distances`.
    """
    _check_plain(distance)
    if distance == "cosine":
        rows = unit(rows)
        return 1.0 - keras.ops.matmul(rows, keras.ops.transpose(rows))
    products = keras.ops.matmul(rows, keras.ops.transpose(rows))
    squares = keras.ops.sum(keras.ops.square(rows), axis=-1)
    squared = keras.ops.maximum(squares[:, None] + squares[None, :] - 2.0 * products, 0.0)
    return squared if distance == "squared-euclidean" else _root(squared)


def pair_features(first: Any, second: Any, distance: str) -> Any:
    """What a dense layer with one sigmoid output judges pairs by.

    With ``"weighted-l1"`` that is |first − second|, a value for each component, as in Koch, Zemel, Salakhutdinov 2015,
    "Siamese Neural Networks for One-shot Image Recognition"; with any other distance it is that one value.

    Args:
        first: Embeddings of shape (..., d).
        second: Embeddings of the same shape.
        distance: One of :data:`train.config.network.DISTANCES`.

    Returns:
        Shape (..., d) or (..., 1).

    Raises:
        UsageError: The distance is unknown.
    """
    if distance == "weighted-l1":
        return keras.ops.absolute(first - second)
    return keras.ops.expand_dims(pair_distances(first, second, distance), axis=-1)


def same_person_layer(name: str = "same_person") -> Any:
    """A dense layer that turns :func:`pair_features` into the logit of "one person"; always in float32."""
    return keras.layers.Dense(1, dtype="float32", name=name)


def _root(squared: Any) -> Any:
    return keras.ops.sqrt(keras.ops.maximum(squared, _TINY))


def _check_plain(distance: str) -> None:
    plain = DISTANCES[:3]
    if distance not in plain:
        raise UsageError(f"unknown distance {distance!r}; known are {', '.join(plain)}.")
