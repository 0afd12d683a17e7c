"""The face network of dlib (29 convolutions, King 2017), at any width and input size.

A residual stream of channels runs through the network. Blocks add to it; at the first block of every stage but the
first the stream is halved by averaging and gets new channels, which begin as zeros. So a channel keeps its place from
the stage where it is born to the embedding, and the network can be narrowed by leaving channels out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from edge_runtime.errors import UsageError
from train.keras_quietly import keras

EMBEDDING_LENGTH = 128
_FOREIGN = (
    "it is no network of dlib's kind, which alone can be narrowed. Make one: python -m train import-dlib --out FOLDER"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Blocks between two halvings.

    Attributes:
        stream: Channels of the residual stream.
        inner: For each block, the channels between its two convolutions.
    """

    stream: int
    inner: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResNetShape:
    """What the network is made of.

    Attributes:
        size_px: Side of the input.
        stages: From the input to the embedding; the stem gives the first one its channels.
        point_tail: Whether the very last convolution is 1×1. At 150 px its map is a single point, padded with zeros, so
            that eight of nine weights of a 3×3 one meet nothing.
    """

    size_px: int
    stages: tuple[Stage, ...]
    point_tail: bool = False

    def __post_init__(self) -> None:
        """Refuse what makes no network."""
        streams = [stage.stream for stage in self.stages]
        if not streams or sorted(streams) != streams or min(streams) < 1:
            raise UsageError(f"the channels of the stream must not become fewer from stage to stage: {streams}.")
        if any(not stage.inner or min(stage.inner) < 1 for stage in self.stages):
            raise UsageError("every stage needs a block, and every block a channel.")


DLIB_SHAPE = ResNetShape(
    size_px=150,
    stages=(
        Stage(stream=32, inner=(32,) * 3),
        Stage(stream=64, inner=(64,) * 4),
        Stage(stream=128, inner=(128,) * 3),
        Stage(stream=256, inner=(256,) * 3),
        Stage(stream=256, inner=(256,)),
    ),
)


def meets_a_point(shape: ResNetShape) -> bool:
    """Whether the map that the last convolution sees is a single point, so that it may as well be 1×1.

    Raises:
        UsageError: The input is too small for the number of stages.
    """
    last = len(shape.stages) - 1
    side = build_resnet(shape).get_layer(f"{block_name(last, len(shape.stages[last].inner) - 1)}_conv2").input.shape[1]
    return bool(side == 1)


def read_shape(tower: Any) -> ResNetShape:
    """The shape of a network that :func:`build_resnet` made, from its layers.

    Raises:
        UsageError: It is another network.
    """
    found: dict[tuple[int, int], Any] = {}
    for layer in tower.layers:
        match = re.fullmatch(r"s(\d+)b(\d+)_conv([12])", layer.name)
        if match:
            stage, place, half = (int(number) for number in match.groups())
            found.setdefault((stage, place), {})[half] = layer
    try:
        shape = _shape_of(found, size_px=int(tower.input_shape[1]))
        twin = build_resnet(shape, channels=int(tower.input_shape[-1]), embedding_length=int(tower.output_shape[-1]))
    except (LookupError, TypeError, AttributeError, UsageError) as error:
        raise UsageError(_FOREIGN) from error
    ours, theirs = (
        {layer.name: [weight.shape for weight in layer.weights] for layer in one.layers if layer.weights}
        for one in (twin, tower)
    )
    if ours != theirs:
        raise UsageError(_FOREIGN)
    return shape


def _shape_of(convolutions: dict[tuple[int, int], Any], *, size_px: int) -> ResNetShape:
    blocks = sorted(convolutions)
    if not blocks:
        raise KeyError("no block")
    stages = []
    for number in range(blocks[-1][0] + 1):
        pairs = [convolutions[block] for block in blocks if block[0] == number]
        stages.append(Stage(stream=pairs[0][2].filters, inner=tuple(pair[1].filters for pair in pairs)))
    return ResNetShape(
        size_px=size_px, stages=tuple(stages), point_tail=convolutions[blocks[-1]][2].kernel_size == (1, 1)
    )


def block_name(stage: int, block: int) -> str:
    """What the layers of a block are called, before ``_conv1``, ``_conv2`` and the others."""
    return f"s{stage}b{block}"


def build_resnet(
    shape: ResNetShape, *, channels: int = 3, embedding_length: int = EMBEDDING_LENGTH, dropout: float = 0.0
) -> Any:
    """The network with random weights.

    Args:
        shape: What it is made of.
        channels: Channels of the input.
        embedding_length: Length of the embedding.
        dropout: Share of values dropped before the embedding layer in training.

    Returns:
        A Keras model of built-in layers: normalised float32 of shape (n, size, size, channels) to raw embeddings,
        float32 of shape (n, embedding_length).

    Raises:
        UsageError: The input is too small for the number of stages.
    """
    inputs = keras.Input((shape.size_px, shape.size_px, channels), name="pixels")
    try:
        values = keras.layers.Conv2D(shape.stages[0].stream, 7, strides=2, name="stem")(inputs)
        values = keras.layers.MaxPooling2D(3, 2, name="stem_pool")(keras.layers.ReLU(name="stem_relu")(values))
        for number, stage in enumerate(shape.stages):
            for place, inner in enumerate(stage.inner):
                halve = number > 0 and place == 0
                last = number == len(shape.stages) - 1 and place == len(stage.inner) - 1
                kernel = 1 if last and shape.point_tail else 3
                values = _block(values, stage.stream, inner, block_name(number, place), halve=halve, kernel=kernel)
    except ValueError as error:
        raise UsageError(f"an input of {shape.size_px} px is too small for {len(shape.stages)} stages.") from error
    values = keras.layers.GlobalAveragePooling2D(name="pooled")(values)
    if dropout:
        values = keras.layers.Dropout(dropout)(values)
    outputs = keras.layers.Dense(embedding_length, name="embedding")(values)
    return keras.Model(inputs, outputs, name="dlib_resnet")


def _block(values: Any, stream: int, inner: int, name: str, *, halve: bool, kernel: int) -> Any:
    layers = keras.layers
    step = layers.Conv2D(
        inner, 3, strides=2 if halve else 1, padding="valid" if halve else "same", name=f"{name}_conv1"
    )(values)
    step = layers.ReLU(name=f"{name}_relu1")(step)
    step = layers.Conv2D(stream, kernel, padding="same", name=f"{name}_conv2")(step)
    if halve:
        values = layers.AveragePooling2D(2, name=f"{name}_halve")(values)
        new = stream - values.shape[-1]
        if new:
            # With channels first, what is padded is the last two axes: columns by nothing, channels by the new ones.
            born = layers.ZeroPadding2D(((0, 0), (0, new)), data_format="channels_first", name=f"{name}_born")
            values = born(values)
        lacking = values.shape[1] - step.shape[1]
        if lacking:
            step = layers.ZeroPadding2D(((0, lacking), (0, lacking)), name=f"{name}_fill")(step)
    return layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([step, values]))
