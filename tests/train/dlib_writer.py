"""What dlib would write: just enough of an encoder to test the reader with."""

from __future__ import annotations

import math

import numpy as np

from train.towers.dlib_resnet import EMBEDDING_LENGTH, ResNetShape, Stage, block_name

TINY = ResNetShape(size_px=48, stages=(Stage(stream=4, inner=(3, 5)), Stage(stream=6, inner=(4,))))


def integer(value: int) -> bytes:
    length = max(1, (abs(value).bit_length() + 7) // 8)
    return bytes([length | (0x80 if value < 0 else 0)]) + abs(value).to_bytes(length, "little")


def number(value: float) -> bytes:
    fraction, exponent = math.frexp(value)
    return integer(int(fraction * 2**53)) + integer(exponent - 53)


def text(value: str) -> bytes:
    return integer(len(value)) + value.encode()


def boolean(value: bool) -> bytes:
    return b"1" if value else b"0"


def alias(*shape: int) -> bytes:
    return integer(1) + b"".join(map(integer, shape))


def tensor(values: np.ndarray) -> bytes:
    shape = (*values.shape, *[1] * (4 - values.ndim))
    return integer(2) + b"".join(map(integer, shape)) + values.astype("<f4").tobytes()


EMPTY = integer(2) + integer(0) * 4
MULTIPLIERS = number(1.0) * 3 + number(0.0)


def state(*, innermost: bool = False) -> bytes:
    return boolean(True) * 2 + boolean(False) + EMPTY * 3 + (integer(1) if innermost else b"")


def plain(version: str) -> bytes:
    return text(version) + state()


def pool(kind: str, side: int, stride: int) -> bytes:
    window = (side, side, stride, stride, 0, 0)
    return text(f"{kind}_pool_2") + b"".join(map(integer, window)) + state()


def convolution(
    kernels: np.ndarray, biases: np.ndarray, *, stride: int, padding: int, innermost: bool = False
) -> bytes:
    filters, _, side, _ = kernels.shape
    window = (filters, side, side, stride, stride, padding, padding)
    return b"".join(
        [
            text("con_4"),
            tensor(np.concatenate([kernels.ravel(), biases])),
            *map(integer, window),
            alias(*kernels.shape),
            alias(1, filters, 1, 1),
            MULTIPLIERS,
            state(innermost=innermost),
        ]
    )


def affine(factors: np.ndarray, summands: np.ndarray) -> bytes:
    part = alias(1, len(factors), 1, 1)
    return text("affine_") + tensor(np.concatenate([factors, summands])) + part + part + integer(0) + state()


def dense(weights: np.ndarray) -> bytes:
    inputs, outputs = weights.shape
    parts = alias(inputs, outputs, 1, 1) + alias(0, 0, 0, 0)
    return b"".join(
        [text("fc_2"), integer(outputs), integer(inputs), tensor(weights), parts, integer(1), MULTIPLIERS, state()]
    )


def network(shape: ResNetShape = TINY, *, seed: int = 0) -> tuple[bytes, dict[str, tuple[np.ndarray, ...]]]:
    """A face network with random weights.

    Returns:
        The file, and for each convolution its kernels, biases, factors and summands; under ``"embedding"`` the matrix.
    """
    rng = np.random.default_rng(seed)
    weights: dict[str, tuple[np.ndarray, ...]] = {}
    # From the innermost: the version of each doll, and what stands in it.
    versions, layers = [], []

    def put(data: bytes, version: int = 2) -> None:
        versions.append(version)
        layers.append(data)

    def normalised(name: str, filters: int, channels: int, side: int, stride: int, padding: int) -> None:
        kernels = rng.normal(0, 0.3, (filters, channels, side, side)).astype(np.float32)
        biases, factors, summands = rng.normal(0, 1, (3, filters)).astype(np.float32)
        weights[name] = (kernels, biases, factors, summands)
        first = not layers
        put(convolution(kernels, biases, stride=stride, padding=padding, innermost=first), 3 if first else 2)
        put(affine(factors, summands))

    channels = shape.stages[0].stream
    normalised("stem", channels, 3, 7, 2, 0)
    put(plain("relu_"))
    put(pool("max", 3, 2))
    for number_, stage in enumerate(shape.stages):
        for place, inner in enumerate(stage.inner):
            halves, name = number_ > 0 and place == 0, block_name(number_, place)
            put(b"", 1)
            normalised(f"{name}_conv1", inner, channels, 3, 2 if halves else 1, 0 if halves else 1)
            put(plain("relu_"))
            normalised(f"{name}_conv2", stage.stream, inner, 3, 1, 1)
            if halves:
                put(b"", 1)
                put(b"", 1)
                put(pool("avg", 2, 2))
            put(plain("add_prev_"))
            put(plain("relu_"))
            channels = stage.stream
    put(pool("avg", 0, 1))
    weights["embedding"] = (rng.normal(0, 0.3, (channels, EMBEDDING_LENGTH)).astype(np.float32),)
    put(dense(weights["embedding"][0]))
    head = integer(1) + text("loss_metric_2") + number(0.04) + number(0.6)
    inputs = text("input_rgb_image_sized") + number(122.5) + number(117.0) + number(104.25)
    inputs += integer(shape.size_px) * 2
    return head + b"".join(map(integer, reversed(versions))) + inputs + b"".join(layers), weights
