"""What a kernel has to cope with, in a line: which types come in and go out, and how they are quantized."""

from __future__ import annotations

import itertools

from export.preflight.operators import Operator, Tensor

# These take any number of inputs, all alike.
_VARIADIC = frozenset({"ADD_N", "CONCATENATION", "PACK"})


def signature(operator: Operator) -> str:
    """An operator's types, such as ``FULLY_CONNECTED FLOAT32 INT8/channel* - > FLOAT32``.

    ``/tensor``, ``/channel`` and ``/blockwise`` say how a type is quantized, ``*`` that the values are in the file,
    ``-`` that an optional input is left out. The version is not part of it: that decides whether an interpreter takes
    the operator at all, the types which of its kernels then runs.
    """
    inputs = [_words(tensor) for tensor in operator.inputs]
    if operator.name in _VARIADIC:
        inputs = [word for word, _ in itertools.groupby(inputs)]
    return " ".join([operator.name, *inputs, ">", *(_words(tensor) for tensor in operator.outputs)])


def _words(tensor: Tensor | None) -> str:
    if tensor is None:
        return "-"
    quantized = "" if tensor.quantization == "none" else f"/{tensor.quantization}"
    return f"{tensor.type}{quantized}{'*' if tensor.constant else ''}"
