"""A TFLite file that was made for several pictures at once, changed to take one: phone apps compare two in one call."""

from __future__ import annotations

import numpy as np

from edge_runtime.errors import DataError


def one_picture(flatbuffer: bytes) -> bytes:
    """The same network with a batch of 1; its weights and operators stay.

    The first side of every value that is the batch becomes 1, and so does that of the shapes that RESHAPE is given as
    constants. (An interpreter can resize the input, but such a constant keeps the old batch.)

    Args:
        flatbuffer: A model whose input, outputs and all values between them begin with the batch.

    Raises:
        DataError: It is no such model.
    """
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    try:
        model = flatbuffer_utils.convert_bytearray_to_object(bytearray(flatbuffer))
        graph = model.subgraphs[0]
        batch = int(graph.tensors[graph.inputs[0]].shape[0])
        for tensor in graph.tensors:
            is_constant = model.buffers[tensor.buffer].data is not None
            if not is_constant and tensor.shape is not None and len(tensor.shape) and tensor.shape[0] == batch:
                tensor.shape[0] = 1
                tensor.shapeSignature = None
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            # Old files have their codes in the narrower field.
            if schema.BuiltinOperator.RESHAPE in (code.builtinCode, code.deprecatedBuiltinCode):
                _shorten(model, graph.tensors[operator.inputs[1]], operator.builtinOptions, batch)
        return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    except Exception as error:  # The generated reader raises nearly anything over a foreign file.
        raise DataError(f"this is no TFLite file of one batch: {type(error).__name__} {error}") from error


def _shorten(model: object, shape: object, options: object, batch: int) -> None:
    """Begin the constant shape of a RESHAPE with 1 instead of the batch."""
    buffer = model.buffers[shape.buffer]  # type: ignore[attr-defined]
    values = np.frombuffer(bytes(buffer.data), dtype="<i4").copy()
    if values[0] == batch:
        values[0] = 1
        buffer.data = np.frombuffer(values.tobytes(), dtype=np.uint8)
        if options is not None:
            options.newShape = values  # type: ignore[attr-defined]
