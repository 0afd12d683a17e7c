"""The layers of dlib's networks as they stand in a file (dlib's ``dnn/layers.h`` and ``dnn/core.h``).

What a layer was made with stands beside its weights; it must be what the caller wants, or the file is refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from train.dlib_files.stream import DlibStream, Shape

Weights: TypeAlias = npt.NDArray[np.float32]

_MULTIPLIERS = 4
_ON_CHANNELS = 0
_WITHOUT_BIAS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvolutionShape:
    """What a convolution is made with.

    Attributes:
        filters: Channels of its result.
        channels: Channels of what it takes.
        side: Side of its kernel in pixels.
        stride: Step in pixels.
        padding: Zeros at each edge.
    """

    filters: int
    channels: int
    side: int
    stride: int
    padding: int


def read_convolution(stream: DlibStream, wanted: ConvolutionShape) -> tuple[Weights, Weights]:
    """A convolution.

    Returns:
        Its kernels, of shape (filters, channels, side, side), and its biases, of shape (filters,).

    Raises:
        DataError: Another layer stands here, or one of another shape.
    """
    stream.version("con_4")
    weights = stream.tensor().ravel()
    _wanted(stream, "a convolution", [stream.integer()], [wanted.filters])
    _window(stream, "a convolution", wanted.side, wanted.stride, wanted.padding)
    kernel_shape = (wanted.filters, wanted.channels, wanted.side, wanted.side)
    kernels, biases = _parts(stream, weights, kernel_shape, (1, wanted.filters, 1, 1))
    _skip_multipliers(stream)
    return kernels.reshape(kernel_shape), biases


def read_affine(stream: DlibStream, channels: int) -> tuple[Weights, Weights]:
    """A factor and a summand for each channel, which are what is left of a batch normalisation.

    Returns:
        Factors and summands, both of shape (channels,).

    Raises:
        DataError: Another layer stands here, or one of another shape.
    """
    stream.version("affine_")
    weights = stream.tensor().ravel()
    factors, summands = _parts(stream, weights, (1, channels, 1, 1), (1, channels, 1, 1))
    _wanted(stream, "an affine layer", [stream.integer()], [_ON_CHANNELS])
    return factors, summands


def read_dense(stream: DlibStream, inputs: int, outputs: int) -> Weights:
    """A fully connected layer without bias.

    Returns:
        Its weights, of shape (inputs, outputs).

    Raises:
        DataError: Another layer stands here, or one of another shape.
    """
    stream.version("fc_2")
    _wanted(stream, "a dense layer", [stream.integer(), stream.integer()], [outputs, inputs])
    weights = stream.tensor().ravel()
    matrix, _ = _parts(stream, weights, (inputs, outputs, 1, 1), (0, 0, 0, 0))
    _wanted(stream, "a dense layer", [stream.integer()], [_WITHOUT_BIAS])
    _skip_multipliers(stream)
    return matrix.reshape(inputs, outputs)


def read_pool(stream: DlibStream, kind: str, *, side: int, stride: int) -> None:
    """Pooling, ``"max"`` or ``"avg"``; a side of 0 is the whole map.

    Raises:
        DataError: Another layer stands here, or one of another shape.
    """
    stream.version(f"{kind}_pool_2")
    _window(stream, f"a layer of {kind} pooling", side, stride, 0)


def read_input(stream: DlibStream, size_px: int) -> tuple[float, float, float]:
    """The input of RGB pictures of one size.

    Returns:
        The means of red, green and blue, 0 to 255, that are taken off before the division by 256.

    Raises:
        DataError: Another input stands here, or one of another size.
    """
    stream.version("input_rgb_image_sized")
    red, green, blue = (stream.number() for _ in range(3))
    if not all(0 <= mean <= 255 for mean in (red, green, blue)):
        stream.refuse(f"{red}, {green} and {blue} as mean colour")
    _wanted(stream, "the input", [stream.integer(), stream.integer()], [size_px, size_px])
    return red, green, blue


def skip_state(stream: DlibStream, *, innermost: bool) -> None:
    """What follows each layer: marks and tensors of its training, none of which counts afterwards.

    Args:
        stream: Behind the layer's own values.
        innermost: Whether it is the layer that takes the input, behind which one number more follows.
    """
    for _ in range(3):
        stream.boolean()
    for _ in range(3):
        stream.tensor()
    if innermost:
        stream.integer(0)


def _wanted(stream: DlibStream, what: str, found: list[int], wanted: list[int]) -> None:
    if found != wanted:
        stream.refuse(f"{what} of {found} where {wanted} is needed")


def _window(stream: DlibStream, what: str, side: int, stride: int, padding: int) -> None:
    """Check rows, columns, both strides and both paddings."""
    _wanted(stream, what, [stream.integer() for _ in range(6)], [side, side, stride, stride, padding, padding])


def _parts(stream: DlibStream, weights: Weights, first: Shape, second: Shape) -> tuple[Weights, Weights]:
    """Divide a layer's weights, both flat, after the shapes that stand behind them."""
    for wanted in (first, second):
        _wanted(stream, "a part", list(stream.alias()), list(wanted))
    middle = math.prod(first)
    _wanted(stream, "a layer with weights", [weights.size], [middle + math.prod(second)])
    return weights[:middle], weights[middle:]


def _skip_multipliers(stream: DlibStream) -> None:
    """Factors of learning rate and weight decay, for weights and biases."""
    for _ in range(_MULTIPLIERS):
        stream.number()
