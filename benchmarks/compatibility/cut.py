"""One operator cut out of a model, and the same in floating point: to see what a kernel makes of its types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

# These change the numbers' type and not the numbers: what comes in must come out.
_RETYPING = frozenset({"CAST", "DEQUANTIZE", "QUANTIZE"})
_NUMPY: dict[int, Any] = {
    schema.TensorType.FLOAT16: np.float16,
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.INT8: np.int8,
    schema.TensorType.UINT8: np.uint8,
    schema.TensorType.INT16: np.int16,
    schema.TensorType.INT32: np.int32,
    schema.TensorType.INT64: np.int64,
}
_NAMES = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """An operator on its own.

    Attributes:
        flatbuffer: A model of it alone.
        twin: A model of the same in float32, with the same weights; None where it only changes the type.
        inputs: Real values to run both on, each of shape (1, …); empty where all inputs are in the file.
        lowest: The least value that its output can hold.
        highest: The greatest.
    """

    flatbuffer: bytes
    twin: bytes | None
    inputs: tuple[npt.NDArray[np.float32], ...]
    lowest: float
    highest: float


def pack_model(model: Any) -> bytes:
    """The bytes of a model that was changed as an object."""
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def with_version(flatbuffer: bytes, version: int) -> bytes:
    """A model of one operator, said to be of another version."""
    model = schema.ModelT.InitFromPackedBuf(flatbuffer, 0)
    model.operatorCodes[0].version = version
    return pack_model(model)


def cut_operators(flatbuffer: bytes, *, seed: int = 0) -> Iterator[Cut | None]:
    """Each operator of a model's first graph on its own, in order, with inputs drawn at random.

    None stands for one with a type that numpy does not have, such as four-bit weights, or whose weights lie outside the
    flatbuffer proper.

    Args:
        flatbuffer: The model.
        seed: Draws the inputs.
    """
    generator = np.random.default_rng(seed)
    model = schema.ModelT.InitFromPackedBuf(flatbuffer, 0)
    graph = model.subgraphs[0]
    for operator in graph.operators:
        tensors = [graph.tensors[int(i)] for i in (*operator.inputs, *operator.outputs) if i >= 0]
        whole = all(t.type in _NUMPY and model.buffers[t.buffer].size <= 1 for t in tensors)
        yield _cut(model, graph, operator, generator) if whole else None


def _cut(model: Any, graph: Any, operator: Any, generator: np.random.Generator) -> Cut:
    code = model.operatorCodes[operator.opcodeIndex]
    name = _NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)]
    used = [int(i) for i in (*operator.inputs, *operator.outputs) if i >= 0]
    held = {i: model.buffers[graph.tensors[i].buffer].data for i in used}
    computed = [int(i) for i in operator.inputs if i >= 0 and held[int(i)] is None]
    alone = _assemble(model, graph, operator, code, used, computed)
    twin = None if name in _RETYPING else _assemble(model, graph, operator, code, used, computed, in_float=True)
    lowest, highest = _range(graph.tensors[int(operator.outputs[0])])
    return Cut(
        flatbuffer=alone,
        twin=twin,
        inputs=tuple(_drawn(graph.tensors[i], generator)[None] for i in computed),
        lowest=lowest,
        highest=highest,
    )


def _assemble(
    model: Any, graph: Any, operator: Any, code: Any, used: list[int], computed: list[int], *, in_float: bool = False
) -> bytes:
    """A model of one operator; its tensors are numbered as they are used, each with a buffer of its own."""
    number = {index: at for at, index in enumerate(dict.fromkeys(used))}
    buffers = [schema.BufferT()]
    tensors = []
    for index in number:
        tensor = _copy(schema.TensorT, graph.tensors[index])
        buffer = schema.BufferT()
        buffer.data = model.buffers[tensor.buffer].data
        if in_float and _is_number(tensor):
            if buffer.data is not None:
                buffer.data = np.frombuffer(_real(tensor, buffer.data).tobytes(), np.uint8)
            tensor.type, tensor.quantization = schema.TensorType.FLOAT32, None
        tensor.buffer = len(buffers)
        buffers.append(buffer)
        tensors.append(tensor)
    step = _copy(schema.OperatorT, operator)
    step.opcodeIndex = 0
    step.inputs = [number[int(i)] if i >= 0 else -1 for i in operator.inputs]
    step.outputs = [number[int(i)] for i in operator.outputs]
    alone, small, kind = schema.ModelT(), schema.SubGraphT(), _copy(schema.OperatorCodeT, code)
    kind.version = 1 if in_float else code.version
    small.tensors, small.operators = tensors, [step]
    small.inputs, small.outputs = [number[i] for i in computed], list(step.outputs)
    alone.version, alone.operatorCodes, alone.subgraphs, alone.buffers = 3, [kind], [small], buffers
    return pack_model(alone)


def _copy(kind: Any, held: Any) -> Any:
    fresh = kind()
    fresh.__dict__.update(held.__dict__)
    return fresh


def _is_number(tensor: Any) -> bool:
    """Whether it holds quantities, not a shape or axes."""
    quantized = tensor.quantization is not None and tensor.quantization.scale is not None
    return tensor.type in (schema.TensorType.FLOAT16, schema.TensorType.FLOAT32) or (
        quantized and len(tensor.quantization.scale) > 0
    )


def _real(tensor: Any, data: Any) -> npt.NDArray[np.float32]:
    """The real values of a tensor in the file: (q - zero_point) × step, by channel where there are several."""
    values = np.frombuffer(np.asarray(data, np.uint8).tobytes(), _NUMPY[tensor.type]).reshape(tensor.shape)
    if tensor.type in (schema.TensorType.FLOAT16, schema.TensorType.FLOAT32) or not _is_number(tensor):
        return values.astype(np.float32)
    steps, zeros = np.asarray(tensor.quantization.scale), np.asarray(tensor.quantization.zeroPoint)
    along = [1] * values.ndim
    if along:
        along[tensor.quantization.quantizedDimension if len(steps) > 1 else 0] = len(steps)
    return ((values - zeros.reshape(along)) * steps.reshape(along)).astype(np.float32)


def _range(tensor: Any) -> tuple[float, float]:
    """The least and the greatest real value that a tensor can hold."""
    if tensor.type in (schema.TensorType.FLOAT16, schema.TensorType.FLOAT32) or not _is_number(tensor):
        return -np.inf, np.inf
    limits = np.iinfo(_NUMPY[tensor.type])
    step, zero = float(tensor.quantization.scale[0]), int(tensor.quantization.zeroPoint[0])
    return (limits.min - zero) * step, (limits.max - zero) * step


def _drawn(tensor: Any, generator: np.random.Generator) -> npt.NDArray[np.float32]:
    """Values that the tensor may take: over its whole range if it is quantized, else of a normal distribution."""
    shape = tuple(max(1, int(side)) for side in tensor.shape)
    if tensor.type in (schema.TensorType.FLOAT16, schema.TensorType.FLOAT32) or not _is_number(tensor):
        return generator.normal(size=shape).astype(np.float32)
    limits = np.iinfo(_NUMPY[tensor.type])
    middle, half = (limits.max + limits.min) / 2, (limits.max - limits.min) / 2
    codes = np.clip(generator.normal(middle, half / 3, size=shape), limits.min, limits.max)
    step, zero = float(tensor.quantization.scale[0]), int(tensor.quantization.zeroPoint[0])
    return ((np.rint(codes) - zero) * step).astype(np.float32)
