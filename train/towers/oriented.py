"""Oriented gradients and one linear layer: a tower for few people, whose only weights are the embedding's."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import UsageError
from edge_runtime.towers.preprocess import InputSpec
from train.config import TowerConfig
from train.keras_quietly import keras

# Of a 64 px face: 0.7 px is about the width of an eyelid's edge, and a cell of 8 px about that of a nostril.
_SIGMA_PX = 0.7
# So steep that an edge of a third of the range saturates: what counts is that it is there, not how much light it got.
_GAIN = 20.0
_CELLS = 8
_LAYER = "orientations"


def oriented(spec: InputSpec, config: TowerConfig) -> Any:
    """Edges in some directions, clipped, averaged over overlapping cells, and a dense layer.

    The idea of histograms of oriented gradients (Dalal and Triggs 2005, CVPR) in built-in layers: a fixed 5×5
    convolution with first derivatives of a Gaussian, ReLU6 in place of contrast normalisation, and averages over
    windows of a quarter of the side in steps of an eighth. With some tens of people to learn from it beats networks
    that learn their filters, at a fraction of their operations. The dense layer is solved (``schedule.whiten``), or
    trained.

    Args:
        spec: What it takes in; its side must be a multiple of 16 px.
        config: ``width`` is the number of directions, a multiple of 4; dropout and embedding length. ``blocks`` and
            ``head`` are not used.

    Returns:
        A Keras model that gives raw embeddings, float32 of shape (n, embedding_length).

    Raises:
        UsageError: The side or the width does not divide.
    """
    if spec.size_px % (2 * _CELLS):
        raise UsageError(f"the tower 'oriented' takes sides that are multiples of 16 px, not {spec.size_px}.")
    if config.width % 4:
        raise UsageError(f"tower.width is the number of directions of 'oriented', a multiple of 4, not {config.width}.")
    cell = spec.size_px // _CELLS
    inputs = keras.Input(spec.shape, name="pixels")
    edges = keras.layers.Conv2D(config.width, 5, padding="same", use_bias=False, trainable=False, name=_LAYER)
    values = keras.layers.ReLU(max_value=6.0)(edges(inputs))
    edges.set_weights([_derivatives(config.width, spec.channels)])
    # A convolution in place of average pooling: int8 pooling keeps the range of what goes in, three times as wide.
    cells = keras.layers.DepthwiseConv2D(2 * cell, cell, padding="same", use_bias=False, trainable=False, name="cells")
    values = cells(values)
    cells.set_weights([np.full(cells.kernel.shape, 1 / (2 * cell) ** 2, dtype=np.float32)])
    values = keras.layers.Flatten()(values)
    if config.dropout:
        values = keras.layers.Dropout(config.dropout)(values)
    outputs = keras.layers.Dense(config.embedding_length, name="embedding")(values)
    return keras.Model(inputs, outputs, name=f"oriented_{config.width}")


def _derivatives(directions: int, channels: int) -> npt.NDArray[np.float32]:
    """First derivatives of a Gaussian in evenly spaced directions, of shape (5, 5, channels, directions)."""
    axis = np.arange(-2, 3)
    x, y = np.meshgrid(axis, axis)
    bell = np.exp(-(x**2 + y**2) / (2 * _SIGMA_PX**2))
    angles = 2 * np.pi * np.arange(directions) / directions
    kernels = np.stack([(x * np.cos(angle) + y * np.sin(angle)) * bell for angle in angles], axis=-1)
    kernels *= 2 * _GAIN / np.abs(kernels).sum(axis=(0, 1))
    # Colour counts as grey: the mean of its channels.
    return np.repeat(kernels[:, :, None, :] / channels, channels, axis=2).astype(np.float32)


def mirror_order(tower: Any) -> npt.NDArray[np.int64] | None:
    """What mirroring a picture does to what the embedding layer sees.

    Args:
        tower: Any tower.

    Returns:
        A permutation p of shape (features,): the features of the mirrored picture are ``features[p]``. None for towers
        of which this is not known.
    """
    if not any(layer.name == _LAYER for layer in tower.layers):
        return None
    directions = int(tower.get_layer(_LAYER).output.shape[-1])
    places = np.arange(_CELLS * _CELLS * directions).reshape(_CELLS, _CELLS, directions)
    # An edge that faces the angle a faces π − a in the mirror.
    opposite = (directions // 2 - np.arange(directions)) % directions
    return places[:, ::-1][:, :, opposite].ravel()
