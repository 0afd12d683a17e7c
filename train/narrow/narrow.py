"""dlib's network with fewer channels: which stay, and what their weights become."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import UsageError
from train.narrow.importance import Activity, blocks_of, measure_activity, taken_from
from train.towers.dlib_resnet import ResNetShape, Stage, block_name, build_resnet, meets_a_point, read_shape

Kept = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowed:
    """A narrow network beside the wide one that it comes from.

    Attributes:
        tower: The Keras model.
        shape: Its shape.
        streams: For each stage, which channels of the wide stream are kept, in ascending order.
    """

    tower: Any
    shape: ResNetShape
    streams: list[Kept]


def narrower(shape: ResNetShape, *, streams: tuple[int, ...], inner: tuple[int, ...]) -> ResNetShape:
    """The shape with fewer channels.

    Args:
        shape: The wide network's.
        streams: For each stage, how many channels of the stream to keep.
        inner: For each stage, how many channels to keep between the two convolutions of a block.

    Raises:
        UsageError: The numbers are not one for each stage, or ask for what there is not.
    """
    for option, given in (("--streams", streams), ("--inner", inner)):
        if len(given) != len(shape.stages):
            raise UsageError(f"{option} takes {len(shape.stages)} numbers, one for each stage, not {len(given)}.")
    wanted = replace(
        shape,
        stages=tuple(
            Stage(stream=stream, inner=(between,) * len(stage.inner))
            for stream, between, stage in zip(streams, inner, shape.stages, strict=True)
        ),
        point_tail=shape.point_tail or meets_a_point(shape),
    )
    check_narrower(wanted, shape)
    return wanted


def check_narrower(wanted: ResNetShape, wide: ResNetShape) -> None:
    """Refuse what is not the wide network with fewer channels.

    Raises:
        UsageError: It is wider, has other blocks, or keeps more new channels in a stage than are born there.
    """
    have = [len(stage.inner) for stage in wide.stages]
    if [len(stage.inner) for stage in wanted.stages] != have:
        raise UsageError(f"a narrowed network has as many blocks in each stage as the wide one: {have}.")
    held = born = 0
    for number, (less, full) in enumerate(zip(wanted.stages, wide.stages, strict=True)):
        most = held + full.stream - born
        if less.stream > most:
            why = "" if held == born else f", the {held} kept before and the {full.stream - born} that are new"
            raise UsageError(f"stage {number} can keep {most} channels of the stream at most{why}; not {less.stream}.")
        for asked, there in zip(less.inner, full.inner, strict=True):
            if asked > there:
                raise UsageError(f"stage {number} has {there} inner channels; fewer can be kept, not {asked}.")
        held, born = less.stream, full.stream


def narrow(network: Any, wanted: ResNetShape, faces: npt.NDArray[np.uint8]) -> Narrowed:
    """A narrower network that begins with the weights of a wide one.

    Of each convolution's channels those stay from which the next layers take most (:func:`taken_from`); what the others
    bring on average goes into the bias of the layer that took it. The network then needs training.

    Args:
        network: dlib's network.
        wanted: As many stages and blocks with as many channels or fewer, at the network's own input size.
        faces: uint8 of shape (n, size, size, channels): what the channels are judged by.

    Raises:
        UsageError: The network is of another kind, or it would become wider or deeper.
    """
    wide = read_shape(network)
    check_narrower(wanted, wide)
    activity = measure_activity(network, wide, faces)
    streams = kept_streams(network, wide, wanted, activity)
    tower = build_resnet(wanted, channels=network.input_shape[-1], embedding_length=network.output_shape[-1])
    _set(tower, network, "stem", np.arange(network.input_shape[-1]), streams[0], None)
    before = streams[0]
    for stage, place in blocks_of(wanted):
        name, stream = block_name(stage, place), streams[stage]
        inner = _most(taken_from(network, f"{name}_conv2", activity), wanted.stages[stage].inner[place])
        _set(tower, network, f"{name}_conv1", before, inner, activity[f"{name}_conv1"])
        _set(tower, network, f"{name}_conv2", inner, stream, activity[f"{name}_conv2"])
        before = stream
    _set(tower, network, "embedding", before, np.arange(network.output_shape[-1]), activity["embedding"])
    return Narrowed(tower=tower, shape=wanted, streams=streams)


def kept_streams(network: Any, wide: ResNetShape, wanted: ResNetShape, activity: dict[str, Activity]) -> list[Kept]:
    """The channels of the stream that each stage keeps. A channel lives on in all later stages."""
    shares = np.zeros(wide.stages[-1].stream)
    for name in [*(f"{block_name(*block)}_conv1" for block in blocks_of(wide)), "embedding"]:
        taken = taken_from(network, name, activity)
        shares[: taken.size] += taken
    kept: list[Kept] = []
    held = np.arange(0)
    born = 0
    for less, full in zip(wanted.stages, wide.stages, strict=True):
        new = born + _most(shares[born : full.stream], less.stream - held.size)
        held = np.concatenate([held, new])
        born = full.stream
        kept.append(held)
    return kept


def at_size(narrowed: Narrowed, size_px: int) -> Any:
    """The same weights in a network for another input size: faces at the same scale, with more or less around them.

    Raises:
        UsageError: The input is too small for the number of stages.
    """
    tower = narrowed.tower
    if size_px == narrowed.shape.size_px:
        return tower
    other = build_resnet(
        replace(narrowed.shape, size_px=size_px),
        channels=tower.input_shape[-1],
        embedding_length=tower.output_shape[-1],
    )
    other.set_weights(tower.get_weights())
    return other


def _most(shares: npt.NDArray[np.float64], count: int) -> Kept:
    """Places of the largest shares, in ascending order."""
    return np.sort(np.argsort(-shares, kind="stable")[:count])


def _set(tower: Any, network: Any, name: str, takes: Kept, gives: Kept, activity: Activity | None) -> None:
    """Give a layer what stays of the wide network's weights."""
    kernel, bias = (np.asarray(values, dtype=np.float64) for values in network.get_layer(name).get_weights())
    target = tower.get_layer(name)
    axis = kernel.ndim - 2
    if kernel.shape[0] != target.kernel.shape[0] and kernel.ndim == 4:
        # A 1×1 convolution where the wide network's 3×3 one meets padding all around its middle.
        kernel = kernel[1:2, 1:2]
    if activity is not None:
        lost = np.setdiff1d(np.arange(kernel.shape[axis]), takes)
        summed = kernel.sum(axis=(0, 1)) if kernel.ndim == 4 else kernel
        bias = bias + activity.mean[lost] @ summed[lost]
    kernel = kernel.take(takes, axis=axis).take(gives, axis=axis + 1)
    target.set_weights([kernel.astype(np.float32), bias[gives].astype(np.float32)])
