"""dlib's network with fewer channels: which stay, and what their weights become."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import UsageError
from train.narrow.importance import Activity, blocks_of, measure_activity, taken_from
from train.towers.dlib_resnet import DLIB_SHAPE, ResNetShape, block_name, build_resnet

Kept = npt.NDArray[np.intp]


def narrow(network: Any, wanted: ResNetShape, faces: npt.NDArray[np.uint8]) -> Any:
    """A narrower network that begins with the weights of a wide one.

    Of each convolution's channels those stay from which the next layers take most (:func:`taken_from`); what the others
    bring on average goes into the bias of the layer that took it. The network then needs training.

    Args:
        network: dlib's network in its own shape.
        wanted: As many stages and blocks with as many channels or fewer; any input size.
        faces: uint8 of shape (n, 150, 150, 3), RGB: what the channels are judged by.

    Returns:
        A Keras model of the wanted shape.

    Raises:
        UsageError: It would be wider or deeper than the network.
    """
    check_narrower(wanted)
    activity = measure_activity(network, DLIB_SHAPE, faces)
    streams = kept_streams(network, wanted, activity)
    narrowed = build_resnet(wanted)
    whole = np.arange(3)
    _set(narrowed, network, "stem", whole, streams[0], None)
    before = streams[0]
    for stage, place in blocks_of(wanted):
        name, stream = block_name(stage, place), streams[stage]
        inner = _most(taken_from(network, f"{name}_conv2", activity), wanted.stages[stage].inner[place])
        _set(narrowed, network, f"{name}_conv1", before, inner, activity[f"{name}_conv1"])
        _set(narrowed, network, f"{name}_conv2", inner, stream, activity[f"{name}_conv2"])
        before = stream
    _set(narrowed, network, "embedding", before, np.arange(narrowed.output_shape[-1]), activity["embedding"])
    return narrowed


def check_narrower(wanted: ResNetShape) -> None:
    """Refuse what is not dlib's network with fewer channels.

    Raises:
        UsageError: It is wider, or has other blocks.
    """
    have = [len(stage.inner) for stage in DLIB_SHAPE.stages]
    if [len(stage.inner) for stage in wanted.stages] != have:
        raise UsageError(f"a narrowed network has as many blocks in each stage as the wide one: {have}.")
    for number, (less, full) in enumerate(zip(wanted.stages, DLIB_SHAPE.stages, strict=True)):
        if less.stream > full.stream or max(less.inner) > max(full.inner):
            raise UsageError(f"stage {number} has {full.stream} channels; fewer can be kept, not more.")


def kept_streams(network: Any, wanted: ResNetShape, activity: dict[str, Activity]) -> list[Kept]:
    """The channels of the stream that each stage keeps. A channel lives on in all later stages."""
    shares = np.zeros(DLIB_SHAPE.stages[-1].stream)
    for stage, place in [*blocks_of(DLIB_SHAPE), (len(DLIB_SHAPE.stages), 0)]:
        name = "embedding" if stage == len(DLIB_SHAPE.stages) else f"{block_name(stage, place)}_conv1"
        taken = taken_from(network, name, activity)
        shares[: taken.size] += taken
    kept: list[Kept] = []
    held = np.arange(0)
    born = 0
    for less, full in zip(wanted.stages, DLIB_SHAPE.stages, strict=True):
        new = born + _most(shares[born : full.stream], less.stream - held.size)
        held = np.concatenate([held, new])
        born = full.stream
        kept.append(held)
    return kept


def _most(shares: npt.NDArray[np.float64], count: int) -> Kept:
    """Places of the largest shares, in ascending order."""
    return np.sort(np.argsort(-shares, kind="stable")[:count])


def _set(narrowed: Any, network: Any, name: str, takes: Kept, gives: Kept, activity: Activity | None) -> None:
    kernel, bias = (np.asarray(values, dtype=np.float64) for values in network.get_layer(name).get_weights())
    target = narrowed.get_layer(name)
    axis = kernel.ndim - 2
    if activity is not None:
        lost = np.setdiff1d(np.arange(kernel.shape[axis]), takes)
        summed = kernel.sum(axis=(0, 1)) if kernel.ndim == 4 else kernel
        bias = bias + activity.mean[lost] @ summed[lost]
    kernel = kernel.take(takes, axis=axis).take(gives, axis=axis + 1)
    if kernel.shape[0] != target.kernel.shape[0]:
        # A 1×1 convolution where the wide network's 3×3 one met padding only around its middle.
        kernel = kernel[1:2, 1:2]
    target.set_weights([kernel.astype(np.float32), bias[gives].astype(np.float32)])
