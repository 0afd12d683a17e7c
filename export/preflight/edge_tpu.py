"""What Google's Edge TPU compiler says that it takes. There is none here, so nothing of it was run.

The operators are those of the table "Supported operations" of *TensorFlow models on the Edge TPU*,
https://coral.ai/docs/edgetpu/models-intro/#supported-operations, the needs those of "Model requirements" on that page:
8-bit quantized tensors, sizes known when the model is compiled, constant parameters, and at most the three innermost
dimensions of a tensor longer than 1. Of the table's known limitations only these are looked at; some depend on the size
of the tensors in ways that the page does not say.
"""

from __future__ import annotations

from export.preflight.operators import Operator, Tensor

OPERATORS = frozenset(
    {
        "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "EXPAND_DIMS", "FULLY_CONNECTED",
        "L2_NORMALIZATION", "LOGISTIC", "LSTM", "MAXIMUM", "MAX_POOL_2D", "MEAN", "MINIMUM", "MUL", "PACK", "PAD",
        "PRELU", "QUANTIZE", "REDUCE_MAX", "REDUCE_MIN", "RELU", "RELU6", "RELU_N1_TO_1", "RESHAPE",
        "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "RSQRT", "SLICE", "SOFTMAX", "SPACE_TO_DEPTH", "SPLIT",
        "SQUARED_DIFFERENCE", "SQUEEZE", "STRIDED_SLICE", "SUB", "SUM", "TANH", "TRANSPOSE", "TRANSPOSE_CONV",
    }
)  # fmt: skip
_BYTES = ("INT8", "UINT8")


def objection(operator: Operator) -> str:
    """Why the list does not allow an operator; empty if it does."""
    if operator.name not in OPERATORS:
        return f"{operator.name} is not among the operators of the Edge TPU"
    tensors = [tensor for tensor in (*operator.inputs, *operator.outputs) if tensor is not None]
    for tensor in tensors:
        whole_number = tensor.constant and tensor.type in ("INT32", "INT64")  # biases, shapes and axes
        if tensor.type not in _BYTES and not whole_number:
            return f"{operator.name} has {tensor.type} in it, and the Edge TPU takes 8-bit integers alone"
        if min(tensor.shape, default=1) < 0:
            return f"{operator.name} has a size that is not fixed"
        if _is_deep(tensor):
            return f"{operator.name} has more than three dimensions longer than 1"
    return ""


def _is_deep(tensor: Tensor) -> bool:
    return not tensor.constant and any(side > 1 for side in tensor.shape[:-3])
