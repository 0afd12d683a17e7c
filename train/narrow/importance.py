"""How much each channel of dlib's network does, measured on pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.towers.preprocess import InputSpec, normalise
from train.keras_quietly import keras
from train.towers.dlib_resnet import ResNetShape, block_name

Values = npt.NDArray[np.float64]
_BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What a layer takes in, over pictures and places.

    Attributes:
        mean: float64 of shape (channels,).
        square: Mean square, float64 of shape (channels,).
    """

    mean: Values
    square: Values


def blocks_of(shape: ResNetShape) -> list[tuple[int, int]]:
    """Stage and place of every block, in order."""
    return [(stage, place) for stage, held in enumerate(shape.stages) for place in range(len(held.inner))]


def batches_of(network: Any, faces: npt.NDArray[np.uint8]) -> Iterator[npt.NDArray[np.float32]]:
    """Pictures as a network takes them, a batch at a time.

    Args:
        network: The Keras model.
        faces: uint8 of shape (n, size, size, channels) in its size and colours.
    """
    spec = InputSpec(size_px=network.input_shape[1], colour="grey" if network.input_shape[-1] == 1 else "rgb")
    for first in range(0, len(faces), _BATCH):
        yield normalise(faces[first : first + _BATCH], spec)


def measure_activity(network: Any, shape: ResNetShape, faces: npt.NDArray[np.uint8]) -> dict[str, Activity]:
    """What goes into every convolution that channels can be left out of, and into the embedding.

    Args:
        network: dlib's network (:mod:`train.towers.dlib_resnet`).
        shape: Its shape.
        faces: uint8 of shape (n, size, size, channels) in its size and colours.

    Returns:
        By the name of the layer that takes them in: the activity of its input channels.
    """
    takers = [f"{block_name(*block)}_conv{half}" for block in blocks_of(shape) for half in (1, 2)] + ["embedding"]
    watched = keras.Model(network.input, [network.get_layer(name).input for name in takers])
    sums = {name: np.zeros((2, network.get_layer(name).input.shape[-1])) for name in takers}
    for batch in batches_of(network, faces):
        for name, values in zip(takers, watched(batch, training=False), strict=True):
            rows = np.asarray(values).reshape(-1, np.shape(values)[-1])
            part = np.stack([rows.mean(axis=0, dtype=np.float64), np.square(rows).mean(axis=0, dtype=np.float64)])
            sums[name] += len(batch) * part
    return {name: Activity(mean=mean / len(faces), square=square / len(faces)) for name, (mean, square) in sums.items()}


def taken_from(network: Any, name: str, activity: dict[str, Activity]) -> Values:
    """How much a layer takes from each of its input channels, as shares of all that it takes.

    The energy that a channel brings, E[a²], times that of the weights which read it: the mean square of what its
    absence changes if channels were independent. float64 of shape (channels,), sum 1.
    """
    kernel = np.asarray(network.get_layer(name).kernel, dtype=np.float64)
    weight: Values = (kernel**2).sum(axis=(0, 1, 3) if kernel.ndim == 4 else 1)
    brought = activity[name].square * weight
    share: Values = brought / max(float(brought.sum()), 1e-30)
    return share
