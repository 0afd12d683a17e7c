"""A graph written as an ONNX file: the few fields of ``onnx.proto`` that a plain network needs."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Value: TypeAlias = int | str | bytes
Array: TypeAlias = npt.NDArray[np.float32] | npt.NDArray[np.int64]

_IR_VERSION, _OPSET = 7, 11
_INT, _STRING, _INTS = 2, 3, 7


class OnnxWriter:
    """Collects nodes in the order in which they run."""

    def __init__(self) -> None:
        """Begin with an empty graph."""
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []

    def constant(self, name: str, array: Array) -> str:
        """Add a constant (float32 or int64); returns its name."""
        kind = 1 if array.dtype == np.float32 else 7
        dims = b"".join(_field(1, int(n)) for n in array.shape)
        self._constants.append(
            dims + _field(2, kind) + _field(8, name) + _field(9, np.ascontiguousarray(array).tobytes())
        )
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: int | str | list[int]) -> str:
        """Add a node; returns the name of its output."""
        parts = [_field(1, name) for name in inputs] + [_field(2, output), _field(3, output), _field(4, kind)]
        self._nodes.append(b"".join(parts + [_field(5, _attribute(*item)) for item in attributes.items()]))
        return output

    def model(self, inputs: dict[str, tuple[int, ...]], outputs: dict[str, tuple[int, ...]]) -> bytes:
        """The file, with the shapes of what goes in and comes out (all float32)."""
        graph = b"".join(_field(1, node) for node in self._nodes) + _field(2, "graph")
        graph += b"".join(_field(5, constant) for constant in self._constants)
        graph += b"".join(_field(11, _described(*item)) for item in inputs.items())
        graph += b"".join(_field(12, _described(*item)) for item in outputs.items())
        return _field(1, _IR_VERSION) + _field(7, graph) + _field(8, _field(1, "") + _field(2, _OPSET))


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _field(number: int, value: Value) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _attribute(name: str, value: int | str | list[int]) -> bytes:
    if isinstance(value, int):
        return _field(1, name) + _field(3, value) + _field(20, _INT)
    if isinstance(value, str):
        return _field(1, name) + _field(4, value) + _field(20, _STRING)
    return _field(1, name) + b"".join(_field(8, item) for item in value) + _field(20, _INTS)


def _described(name: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(_field(1, _field(1, n)) for n in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, 1) + _field(2, dims)))
