"""Least squares after narrowing: every block is solved anew so that the stream is what it was.

He, Zhang, Sun 2017, "Channel Pruning for Accelerating Very Deep Neural Networks", arXiv:1707.06168: the second
convolution of a block is the solution of a linear regression from what its narrowed inputs are now to what the wide
network adds there. Block after block, so that each also makes up for what the ones before it lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from train.narrow.importance import batches_of, blocks_of
from train.narrow.narrow import Narrowed
from train.towers.dlib_resnet import block_name

Rows = npt.NDArray[np.float32]
Moments = npt.NDArray[np.float64]
# Places that are looked at in each batch and block: more make the rows alike, not the solution better.
_PLACES = 48
_RIDGE = 1e-3
# Where no input ever changes.
_LEAST = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """What solving a layer came to.

    Attributes:
        layer: Its name.
        before: Mean squared error over rows and channels with the weights that it had.
        after: The same with those that it was left with, never more.
    """

    layer: str
    before: float
    after: float


def repair(
    narrowed: Narrowed,
    network: Any,
    faces: npt.NDArray[np.uint8],
    *,
    watch: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> list[Solved]:
    """Solve the second convolution of every block, and the embedding, in place.

    What each block takes in, in both networks, is kept from the block before, so that every layer is run once. 1,024
    pictures of 150 px need some 500 MB for that.

    Args:
        narrowed: The narrow network, of the wide one's input size.
        network: The wide network.
        faces: uint8 of shape (n, size, size, channels).
        watch: Is put around the blocks, to show how far it is.

    Returns:
        What became of each layer, in order.
    """
    tower, solved = narrowed.tower, []
    now, was = ([_stem(one, batch) for batch in batches_of(one, faces)] for one in (tower, network))
    for stage, place in watch(blocks_of(narrowed.shape)):
        name = block_name(stage, place)
        block, wide = _Block(tower, name), _Block(network, name)
        layer, moments = tower.get_layer(f"{name}_conv2"), _Moments()
        rng = np.random.default_rng([stage, place])
        taken = [block.taken(batch) for batch in now]
        skipped = [block.skipped(batch) for batch in now]
        for number, batch in enumerate(was):
            added = wide.added(wide.taken(batch), wide.skipped(batch))
            wanted = added[..., narrowed.streams[stage]] - skipped[number]
            moments.take(*_sample(taken[number], wanted, layer.kernel.shape[0], rng))
            was[number] = np.maximum(added, 0)
        solved.append(_solve(layer, moments))
        now = [np.maximum(block.added(*given), 0) for given in zip(taken, skipped, strict=True)]
    pooled, embedding = _Moments(), network.get_layer("embedding")
    for batch, beside in zip(now, was, strict=True):
        pooled.take(batch.mean(axis=(1, 2)), np.asarray(embedding(beside.mean(axis=(1, 2)))))
    return [*solved, _solve(tower.get_layer("embedding"), pooled)]


def _stem(network: Any, batch: Rows) -> Rows:
    """What comes into the first block."""
    values: Any = batch
    for name in ("stem", "stem_relu", "stem_pool"):
        values = network.get_layer(name)(values)
    return np.asarray(values)


class _Block:
    """A block of a network, a layer at a time."""

    def __init__(self, network: Any, name: str) -> None:
        """Find the layers of the block of this name; not every block has all."""
        self._layers = {
            layer.name.removeprefix(f"{name}_"): layer for layer in network.layers if layer.name.startswith(f"{name}_")
        }

    def taken(self, values: Rows) -> Rows:
        """What the second convolution takes of what comes in."""
        return self._through(values, "conv1", "relu1")

    def skipped(self, values: Rows) -> Rows:
        """What its result is added to."""
        return self._through(values, "halve", "born")

    def added(self, taken: Rows, skipped: Rows) -> Rows:
        """The sum of both."""
        return self._through(taken, "conv2", "fill") + skipped

    def _through(self, values: Any, *names: str) -> Rows:
        for name in names:
            if name in self._layers:
                values = self._layers[name](values)
        return np.asarray(values)


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


class _Moments:
    """Sums over rows and goals, all that least squares needs of them; a batch at a time, in float64."""

    def __init__(self) -> None:
        self._count = 0
        self._sums: list[Moments] = []

    def take(self, rows: Rows, goals: Rows) -> None:
        """Add rows of shape (n, a) and goals of shape (n, b)."""
        both = np.concatenate([rows, goals], axis=1).astype(np.float64)
        parts = [both.sum(axis=0), both.T @ both]
        self._sums = [total + part for total, part in zip(self._sums, parts, strict=True)] if self._sums else parts
        self._count += len(both)

    def centred(self) -> tuple[int, Moments, Moments]:
        """Number of rows, means of shape (a + b,), and sums of products about them of shape (a + b, a + b)."""
        mean = self._sums[0] / self._count
        return self._count, mean, self._sums[1] - self._count * np.outer(mean, mean)


def _solve(layer: Any, moments: _Moments) -> Solved:
    """Ridge regression with a free constant, relative to the mean variance of the inputs.

    The weights stay as they are where the solution is no better: the ridge costs a little where nothing was lost.
    """
    count, mean, products = moments.centred()
    kernel, bias = layer.get_weights()
    inputs = kernel[..., 0].size
    middle, aim = mean[:inputs], mean[inputs:]
    gram, cross, spread = products[:inputs, :inputs], products[:inputs, inputs:], products[inputs:, inputs:]

    def error(weights: Moments, constant: Moments) -> float:
        varied = np.trace(spread) - 2 * np.sum(weights * cross) + np.sum(weights * (gram @ weights))
        return float(max(varied, 0.0) / count + np.sum((middle @ weights + constant - aim) ** 2)) / len(aim)

    ridge = gram + np.eye(inputs) * max(_RIDGE * np.trace(gram) / inputs, _LEAST)
    weights = np.linalg.solve(ridge, cross)
    new = [weights.reshape(kernel.shape).astype(np.float32), (aim - middle @ weights).astype(np.float32)]
    held = [np.asarray(values, dtype=np.float64) for values in (kernel, bias, *new)]
    before = error(held[0].reshape(inputs, -1), held[1])
    after = error(held[2].reshape(inputs, -1), held[3])
    if after < before:
        layer.set_weights(new)
    return Solved(layer=layer.name, before=before, after=min(before, after))
