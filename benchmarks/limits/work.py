"""What one run of a model is made of, by its graph alone: products, and bytes moved."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from edge_runtime.errors import DataError
from export.preflight.operators import BYTES, Operator, Tensor, read_operators

# To look at the same bytes in another shape moves nothing, and a bare ReLU is done by the operator before it (XNNPACK
# fuses them). Constants that are stored smaller are unpacked once, when a model is loaded.
_FREE = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "RELU", "RELU6"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One run of a model.

    Attributes:
        macs: Multiply-accumulates of its convolutions and matrix products.
        weight_bytes: Bytes of the weights and biases that its operators read, in the type that they compute with.
        activation_bytes: Bytes of the values that its operators read and write, each operator by itself.
        largest_bytes: Bytes of the values of the one operator that reads and writes most.
        operators: Number of its operators that move anything.
    """

    macs: int
    weight_bytes: int
    activation_bytes: int
    largest_bytes: int
    operators: int

    @property
    def bytes(self) -> int:
        """All bytes."""
        return self.weight_bytes + self.activation_bytes

    @property
    def held_bytes(self) -> int:
        """Bytes that a cache would have to hold for all of it to stay there: the weights and the largest operator."""
        return self.weight_bytes + self.largest_bytes

    @property
    def intensity(self) -> float:
        """Multiply-accumulates for each byte."""
        return self.macs / self.bytes

    def as_mapping(self) -> dict[str, Any]:
        """The values as JSON holds them."""
        return {**asdict(self), "held_bytes": self.held_bytes, "bytes": self.bytes, "intensity": self.intensity}


def work_of(flatbuffer: bytes) -> Work:
    """Count the work of a model.

    Args:
        flatbuffer: A TFLite model, or a tower file.

    Raises:
        TowerError: It is no TFLite model.
        DataError: It has a shape that is known only at run time, a type without a size in bytes, or no products.
    """
    return count_work(read_operators(flatbuffer))


def count_work(operators: tuple[Operator, ...]) -> Work:
    """Count the work of some operators; see :func:`work_of`.

    Every operator reads its inputs and writes its outputs once. What stays in a cache between two of them is counted
    all the same: it is the interpreter's choice to compute layer by layer.
    """
    unpacked = {output.name for op in operators if op.name == "DEQUANTIZE" and _constant(op) for output in op.outputs}
    moving = [op for op in operators if op.name not in _FREE and not (op.name == "DEQUANTIZE" and _constant(op))]
    weights, values = 0, [0]
    for operator in moving:
        moved = sum(size_bytes(output) for output in operator.outputs)
        for tensor in operator.inputs:
            if tensor is not None and (tensor.constant or tensor.name in unpacked):
                weights += size_bytes(tensor)
            elif tensor is not None:
                moved += size_bytes(tensor)
        values.append(moved)
    macs = sum(operator.macs for operator in moving)
    if macs == 0:
        raise DataError("the model has no convolution and no matrix product: there is nothing to hold against a peak.")
    return Work(
        macs=macs,
        weight_bytes=weights,
        activation_bytes=sum(values),
        largest_bytes=max(values),
        operators=len(moving),
    )


def size_bytes(tensor: Tensor) -> int:
    """Bytes of a tensor.

    Raises:
        DataError: Its shape is known only at run time, or its type has no size in bytes.
    """
    if tensor.type not in BYTES or any(side < 0 for side in tensor.shape):
        raise DataError(f"the tensor {tensor.name} has no size: {tensor.type} {tensor.shape}. Fix the model's shapes.")
    return tensor.count * BYTES[tensor.type]


def _constant(operator: Operator) -> bool:
    return all(tensor is None or tensor.constant for tensor in operator.inputs)
