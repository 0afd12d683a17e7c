"""Least squares after narrowing: every block is solved anew so that the stream is what it was.

He, Zhang, Sun 2017, "Channel Pruning for Accelerating Very Deep Neural Networks", arXiv:1707.06168: the second convolution
of a block is the solution of a linear regression from what its narrowed inputs are now to what the wide network adds there.
Block after block, so that each also makes up for what the ones before it lost.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.towers.preprocess import InputSpec, normalise
from train.keras_quietly import keras
from train.narrow.importance import blocks_of
from train.towers.dlib_resnet import ResNetShape, block_name

Rows = npt.NDArray[np.float32]
_BATCH = 64
# Places that are looked at in each picture and block: more make the rows alike, not the solution better.
_PLACES = 48
_RIDGE = 1e-3


def repair(
    narrowed: Any, shape: ResNetShape, network: Any, streams: list[npt.NDArray[np.intp]], faces: npt.NDArray[np.uint8]
) -> None:
    """Solve the second convolution of every block, and the embedding, in place.

    Args:
        narrowed: The narrow network, of the wide one's input size.
        shape: Its shape.
        network: The wide network.
        streams: For each stage, the places of the channels that are kept of the wide stream.
        faces: uint8 of shape (n, size, size, 3), RGB.
    """
    batches = [
        normalise(faces[i : i + _BATCH], InputSpec(size_px=shape.size_px, colour="rgb"))
        for i in range(0, len(faces), _BATCH)
    ]
    for stage, place in blocks_of(shape):
        name = block_name(stage, place)
        layer = narrowed.get_layer(f"{name}_conv2")
        now = keras.Model(narrowed.input, [layer.input, _skipped(narrowed, name)])
        before = keras.Model(network.input, network.get_layer(f"{name}_add").output)
        rng = np.random.default_rng([stage, place])
        inputs, targets = [], []
        for batch in batches:
            taken, skip = (np.asarray(values) for values in now.predict_on_batch(batch))
            wanted = np.asarray(before.predict_on_batch(batch))[..., streams[stage]] - skip
            rows, goals = _sample(taken, wanted, layer.kernel.shape[0], rng)
            inputs.append(rows)
            targets.append(goals)
        _solve(layer, np.concatenate(inputs), np.concatenate(targets))
    pooled = keras.Model(narrowed.input, narrowed.get_layer("embedding").input)
    rows = np.concatenate([np.asarray(pooled.predict_on_batch(batch)) for batch in batches])
    goals = np.concatenate([np.asarray(network.predict_on_batch(batch)) for batch in batches])
    _solve(narrowed.get_layer("embedding"), rows, goals)


def _skipped(network: Any, name: str) -> Any:
    """What the block's own additions are added to."""
    return network.get_layer(f"{name}_add").input[1]


def _sample(taken: Rows, wanted: Rows, kernel: int, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Patches that the convolution sees at some places, as rows, and what it should give there."""
    count, height, width, _ = taken.shape
    padded = np.pad(taken, ((0, 0), (kernel // 2,) * 2, (kernel // 2,) * 2, (0, 0)))
    places = rng.permutation(height * width)[:_PLACES]
    rows, goals = [], []
    for y, x in zip(places // width, places % width, strict=True):
        rows.append(padded[:, y : y + kernel, x : x + kernel].reshape(count, -1))
        goals.append(wanted[:, y, x])
    return np.concatenate(rows), np.concatenate(goals)


def _solve(layer: Any, rows: Rows, goals: Rows) -> None:
    """Ridge regression with a free constant, relative to the mean variance of the inputs."""
    middle, aim = rows.mean(axis=0, dtype=np.float64), goals.mean(axis=0, dtype=np.float64)
    centred = (rows - middle.astype(np.float32)).astype(np.float64)
    gram = centred.T @ centred
    gram[np.diag_indices_from(gram)] += _RIDGE * np.trace(gram) / len(gram)
    weights = np.linalg.solve(gram, centred.T @ (goals - aim))
    kernel = weights.reshape(layer.kernel.shape)
    layer.set_weights([kernel.astype(np.float32), (aim - middle @ weights).astype(np.float32)])
