"""dlib's face network in the file that dlib wrote, ``dlib_face_recognition_resnet_model_v1.dat``.

dlib nests its layers like Russian dolls. The file has first a version of every doll from the outermost, the loss, to
the innermost, the input; then the layers themselves, the other way round.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from train.dlib_files.layers import (
    ConvolutionShape,
    Weights,
    read_affine,
    read_convolution,
    read_dense,
    read_input,
    read_pool,
    skip_state,
)
from train.dlib_files.stream import DlibStream
from train.towers.dlib_resnet import DLIB_SHAPE, EMBEDDING_LENGTH, ResNetShape, block_name

# Versions of the dolls, by what they hold. Tags and skips only say where the sums of the blocks begin.
_LAYER, _MARK, _INNERMOST = 2, 1, 3
_MARKS = ("tag", "skip")
_STEM_SIDE = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution:
    """A convolution with the affine layer behind it put into it.

    Attributes:
        kernels: float64 of shape (filters, channels, side, side).
        biases: float64 of shape (filters,).
    """

    kernels: npt.NDArray[np.float64]
    biases: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceNetwork:
    """What dlib's face network has learnt.

    Attributes:
        shape: What it is made of.
        mean_rgb: What is taken off red, green and blue (0 to 255) before they are divided by 256.
        convolutions: By the name of the layer in :func:`train.towers.dlib_resnet.build_resnet`.
        embedding: float32 of shape (channels, 128).
    """

    shape: ResNetShape
    mean_rgb: tuple[float, float, float]
    convolutions: dict[str, Convolution]
    embedding: Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    """A layer, by what its values are read with.

    Attributes:
        kind: What it is.
        name: Name of a convolution, and of the affine layer behind it.
        convolution: Shape of both.
        window: Side and stride of pooling.
    """

    kind: str
    name: str = ""
    convolution: ConvolutionShape | None = None
    window: tuple[int, int] = (0, 1)


def read_resnet(data: bytes, *, name: str, shape: ResNetShape = DLIB_SHAPE) -> FaceNetwork:
    """Read a face network.

    Args:
        data: The file's content.
        name: What messages call the file.
        shape: What the network must be made of.

    Raises:
        DataError: The file is damaged, cut short, or holds something else.
    """
    stream = DlibStream(data, name=name)
    stream.version(1)
    stream.version("loss_metric_2")
    for _ in range(2):
        stream.number()  # The margin and the threshold of its training.
    layers = list(_layers(shape))
    stream.version(_LAYER)  # The embedding, which comes last below.
    for layer in layers[:0:-1]:
        stream.version(_MARK if layer.kind in _MARKS else _LAYER)
    stream.version(_INNERMOST)
    mean_rgb = read_input(stream, shape.size_px)
    convolutions: dict[str, Convolution] = {}
    for place, layer in enumerate(layers):
        if layer.kind not in _MARKS:
            _read_layer(stream, layer, convolutions)
            skip_state(stream, innermost=place == 0)
    embedding = read_dense(stream, shape.stages[-1].stream, EMBEDDING_LENGTH)
    skip_state(stream, innermost=False)
    stream.end()
    return FaceNetwork(shape=shape, mean_rgb=mean_rgb, convolutions=convolutions, embedding=embedding)


def _read_layer(stream: DlibStream, layer: _Layer, convolutions: dict[str, Convolution]) -> None:
    """Read a layer's own values; convolutions are added to those that are known, affine layers put into them."""
    if layer.kind == "convolution" and layer.convolution is not None:
        kernels, biases = read_convolution(stream, layer.convolution)
        convolutions[layer.name] = Convolution(kernels=kernels.astype(np.float64), biases=biases.astype(np.float64))
    elif layer.kind == "affine":
        before = convolutions[layer.name]
        factors, summands = (part.astype(np.float64) for part in read_affine(stream, len(before.biases)))
        convolutions[layer.name] = Convolution(
            kernels=before.kernels * factors[:, None, None, None], biases=before.biases * factors + summands
        )
    elif layer.kind in ("avg", "max"):
        read_pool(stream, layer.kind, side=layer.window[0], stride=layer.window[1])
    else:
        stream.version(layer.kind)


def _layers(shape: ResNetShape) -> Iterator[_Layer]:
    """The dolls from the innermost, without the embedding and the loss."""
    channels = shape.stages[0].stream
    stem = ConvolutionShape(filters=channels, channels=3, side=_STEM_SIDE, stride=2, padding=0)
    yield from _normalised("stem", stem)
    yield _Layer(kind="relu_")
    yield _Layer(kind="max", window=(3, 2))
    for number, stage in enumerate(shape.stages):
        for place, inner in enumerate(stage.inner):
            halves = number > 0 and place == 0
            yield from _block(block_name(number, place), channels, inner, stage.stream, halves=halves)
            channels = stage.stream
    yield _Layer(kind="avg", window=(0, 1))


def _block(name: str, channels: int, inner: int, stream: int, *, halves: bool) -> Iterator[_Layer]:
    yield _Layer(kind="tag")
    stride, padding = (2, 0) if halves else (1, 1)
    first = ConvolutionShape(filters=inner, channels=channels, side=3, stride=stride, padding=padding)
    yield from _normalised(f"{name}_conv1", first)
    yield _Layer(kind="relu_")
    second = ConvolutionShape(filters=stream, channels=inner, side=3, stride=1, padding=1)
    yield from _normalised(f"{name}_conv2", second)
    if halves:
        yield _Layer(kind="tag")
        yield _Layer(kind="skip")
        yield _Layer(kind="avg", window=(2, 2))
    yield _Layer(kind="add_prev_")
    yield _Layer(kind="relu_")


def _normalised(name: str, convolution: ConvolutionShape) -> Iterator[_Layer]:
    yield _Layer(kind="convolution", name=name, convolution=convolution)
    yield _Layer(kind="affine", name=name, convolution=convolution)
