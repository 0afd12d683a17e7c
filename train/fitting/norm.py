"""Batch normalisation's statistics, computed anew for the weights that are delivered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from train.keras_quietly import keras


def norm_layers(tower: Any) -> list[Any]:
    """The batch normalisations of a tower, at any depth."""
    return [layer for layer in tower._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]


def reestimate_norm(tower: Any, batches: Iterable[npt.NDArray[np.float32]]) -> int:
    """Replace the running mean and variance of every batch normalisation by their plain mean over some batches.

    Running statistics lag behind the weights, and an average of weights has none of its own (Izmailov et al. 2018,
    "Averaging Weights Leads to Wider Optima", arXiv:1803.05407, section 3.2).

    Args:
        tower: A Keras model; its statistics are replaced.
        batches: Normalised pictures, float32 of shape (n, size, size, channels), drawn as for training.

    Returns:
        How many batches there were.
    """
    layers = norm_layers(tower)
    before = [layer.momentum for layer in layers]
    count = 0
    try:
        for pixels in batches:
            for layer in layers:
                # With the k-th batch weighing 1/k the running average becomes the plain mean of all.
                layer.momentum = count / (count + 1)
            tower(pixels, training=True)
            count += 1
    finally:
        for layer, momentum in zip(layers, before, strict=True):
            layer.momentum = momentum
    return count
