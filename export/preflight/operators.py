"""What is in a TFLite file: its operators with their versions, types and shapes, read without running anything."""

from __future__ import annotations

import contextlib
import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ai_edge_litert import schema_py_generated as schema

from edge_runtime.errors import TowerError
from export.conversion.names import layer_name

Quantization = Literal["none", "tensor", "channel", "blockwise"]

# A stranger's file may claim anything; no network for a small device comes near these.
_MAX_OPERANDS = 200_000
_MAX_RANK = 16
_MAX_NAME = 1000


# Bytes of one value of the types that take whole bytes.
BYTES = {
    "FLOAT64": 8,
    "INT64": 8,
    "FLOAT32": 4,
    "INT32": 4,
    "FLOAT16": 2,
    "INT16": 2,
    "INT8": 1,
    "UINT8": 1,
    "BOOL": 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """An input or output of an operator.

    Attributes:
        name: What the converter called it.
        type: ``"FLOAT32"``, ``"INT8"``, ….
        shape: Its shape; -1 for a length that is known only at run time.
        quantization: Whether it is quantized, as a whole, by channel or by block.
        constant: Whether its values are in the file, as weights and biases are.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    quantization: Quantization
    constant: bool

    @property
    def per_channel(self) -> bool:
        """Whether each channel has a quantization step of its own."""
        return self.quantization == "channel"

    @property
    def count(self) -> int:
        """Number of values; 0 where the shape is known only at run time."""
        return math.prod(self.shape) if all(side >= 0 for side in self.shape) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One step of the graph.

    Attributes:
        name: ``"CONV_2D"``, ``"FULLY_CONNECTED"``, …; ``"CUSTOM Name"`` for one that is not built in.
        version: Which version of it.
        layer: The layers of the network that it computes, by their Keras names where there are any.
        inputs: Its inputs in TFLite's order; None where an optional one is left out.
        outputs: Its outputs.
    """

    name: str
    version: int
    layer: str
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]

    @property
    def weights(self) -> Tensor | None:
        """The kernel of a convolution or dense layer, if it is one and the kernel is in the file."""
        at = _WEIGHTS.get(self.name, 0)
        tensor = self.inputs[at] if 0 < at < len(self.inputs) else None
        return tensor if tensor is not None and tensor.constant else None

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run; 0 for operators that are no convolution or matrix product.

        Biases and activations are left out, as papers do (and as ``python -m train towers`` does).
        """
        count = _MACS.get(self.name)
        try:
            return 0 if count is None else count(self)
        except (IndexError, AttributeError):  # It lacks an input or output; no interpreter would run it either.
            return 0


# Which input holds the kernel.
_WEIGHTS = {"CONV_2D": 1, "CONV_3D": 1, "DEPTHWISE_CONV_2D": 1, "FULLY_CONNECTED": 1, "TRANSPOSE_CONV": 1}


def _kernel_rows(operator: Any) -> int:
    """For kernels (out, …): each output value takes one product with each weight of its channel."""
    return operator.outputs[0].count * math.prod(operator.inputs[1].shape[1:])


def _depthwise(operator: Any) -> int:
    """For kernels (1, height, width, out)."""
    return operator.outputs[0].count * math.prod(operator.inputs[1].shape[1:3])


def _kernel_columns(operator: Any) -> int:
    """For kernels (depth, height, width, in, out)."""
    return operator.outputs[0].count * math.prod(operator.inputs[1].shape[:-1])


def _transposed(operator: Any) -> int:
    """For kernels (out, height, width, in): each input value goes into a window of the output."""
    return operator.inputs[2].count * math.prod(operator.inputs[1].shape[:3])


def _product(operator: Any) -> int:
    """For a product of two matrices that are both computed."""
    return operator.outputs[0].count * operator.inputs[0].shape[-1]


_MACS: dict[str, Callable[[Operator], int]] = {
    "BATCH_MATMUL": _product,
    "CONV_2D": _kernel_rows,
    "CONV_3D": _kernel_columns,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _kernel_rows,
    "TRANSPOSE_CONV": _transposed,
}


def read_operators(flatbuffer: bytes) -> tuple[Operator, ...]:
    """The operators of all graphs of a model, in the order in which they run.

    Args:
        flatbuffer: A TFLite model, or a tower file: what follows the model is ignored.

    Raises:
        TowerError: It is no TFLite model, or is cut short or damaged.
    """
    with _readable(flatbuffer) as model:
        return _operators(model)


def read_inputs(flatbuffer: bytes) -> tuple[Tensor, ...]:
    """What a model takes in; see :func:`read_operators`."""
    with _readable(flatbuffer) as model:
        graph = model.Subgraphs(0)
        return tuple(
            _tensor(graph.Tensors(_natural(graph.Inputs(i))), _Filled(model)) for i in _indices(graph.InputsLength())
        )


@contextlib.contextmanager
def _readable(flatbuffer: bytes) -> Iterator[Any]:
    """The root of a model; whatever the reader raises over damaged bytes is one error."""
    if flatbuffer[4:8] != b"TFL3":
        raise TowerError("this is not a TFLite model: it lacks the TFL3 mark.")
    try:
        yield schema.Model.GetRootAs(flatbuffer, 0)
    except (struct.error, ValueError, TypeError, IndexError, OverflowError, AttributeError) as error:
        raise TowerError(f"this is not a whole TFLite model: it is cut short or damaged ({error}).") from error


class _Filled:
    """Which of a model's buffers hold data."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __getitem__(self, index: int) -> bool:
        held = self._model.Buffers(_natural(index))
        return index < self._model.BuffersLength() and (held.DataLength() > 0 or held.Size() > 1)


def _operators(model: Any) -> tuple[Operator, ...]:
    codes = [_code(model.OperatorCodes(i)) for i in _indices(model.OperatorCodesLength())]
    filled = _Filled(model)
    operators: list[Operator] = []
    left = _MAX_OPERANDS
    for i in _indices(model.SubgraphsLength()):
        graph = model.Subgraphs(i)
        tensors = [_tensor(graph.Tensors(j), filled) for j in _indices(graph.TensorsLength())]
        ends = {graph.Outputs(j) for j in _indices(graph.OutputsLength())}
        for j in _indices(graph.OperatorsLength()):
            held = graph.Operators(j)
            left -= 1 + held.InputsLength() + held.OutputsLength()
            if left < 0:
                raise ValueError(f"more than {_MAX_OPERANDS} operands")
            operators.append(_operator(held, codes, tensors, ends, at=len(operators)))
    return tuple(operators)


def _indices(count: int) -> range:
    """The indices of a vector, refused where no honest file could be so long."""
    if count > _MAX_OPERANDS:
        raise ValueError(f"a list of {count} entries")
    return range(count)


def _operator(held: Any, codes: list[tuple[str, int]], tensors: list[Tensor], ends: set[int], *, at: int) -> Operator:
    name, version = codes[_natural(held.OpcodeIndex())]
    taken = [held.Inputs(k) for k in range(held.InputsLength())]
    given = [_natural(held.Outputs(k)) for k in range(held.OutputsLength())]
    return Operator(
        name=name,
        version=version,
        layer=_layer(tensors[given[0]].name, is_end=given[0] in ends, at=at) if given else f"operator {at}",
        inputs=tuple(None if index == -1 else tensors[_natural(index)] for index in taken),
        outputs=tuple(tensors[index] for index in given),
    )


def _layer(tensor: str, *, is_end: bool, at: int) -> str:
    if "/" in tensor:
        return layer_name(tensor)
    return "output" if is_end else tensor or f"operator {at}"


def _natural(index: int) -> int:
    """Python would take a negative index from the end."""
    if index < 0:
        raise IndexError(f"index {index}")
    return index


def _code(held: Any) -> tuple[str, int]:
    # Files from before 2021 fill the first alone, newer ones both where the number fits.
    number = max(held.DeprecatedBuiltinCode(), held.BuiltinCode())
    if number == schema.BuiltinOperator.CUSTOM:
        return f"CUSTOM {_text(held.CustomCode())}", held.Version()
    return _BUILTINS.get(number, f"OPERATOR {number}"), held.Version()


def _tensor(held: Any, filled: _Filled) -> Tensor:
    signature = held.ShapeSignatureLength()
    rank = signature or held.ShapeLength()
    if rank > _MAX_RANK:
        raise ValueError(f"a tensor of {rank} dimensions")
    return Tensor(
        name=_text(held.Name()),
        type=_TYPES.get(held.Type(), f"TYPE {held.Type()}"),
        shape=tuple(int(held.ShapeSignature(k) if signature else held.Shape(k)) for k in range(rank)),
        quantization=_quantization(held.Quantization()),
        constant=filled[held.Buffer()],
    )


def _quantization(held: Any) -> Quantization:
    if held is None:
        return "none"
    if held.DetailsType() == schema.QuantizationDetails.BlockwiseQuantization:
        return "blockwise"
    steps = held.ScaleLength()
    return "none" if steps == 0 else "tensor" if steps == 1 else "channel"


def _text(held: bytes | None) -> str:
    return (held or b"")[:_MAX_NAME].decode("utf-8", errors="replace")


def _names(enumeration: type) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


_BUILTINS = _names(schema.BuiltinOperator)
_TYPES = _names(schema.TensorType)
