"""Which version of each built-in operator an interpreter knows: asked of the interpreter itself.

An interpreter looks up every operator code that a model lists, used or not. So a model that it takes is given one code
more, and is loaded again.
"""

from __future__ import annotations

from ai_edge_litert import schema_py_generated as schema

from benchmarks.compatibility.cut import pack_model
from export.runtimes.environment import OtherEnvironment

_HIGHEST = 20
_NAMES = {name: value for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
# Not operators of the library: a graph brings its own.
_OTHERS = frozenset({"CUSTOM", "DELEGATE", "PLACEHOLDER_FOR_GREATER_OP_CODES"})


def known_versions(runtime: OtherEnvironment, flatbuffer: bytes) -> dict[str, tuple[int, int]]:
    """The lowest and highest version of each operator that an interpreter knows.

    Args:
        runtime: The interpreter.
        flatbuffer: A small model that it takes.
    """
    names = sorted(set(_NAMES) - _OTHERS)
    wanted = [(name, version) for name in names for version in range(1, _HIGHEST + 1)]
    refusals = runtime.refusals([_with_code(flatbuffer, _NAMES[name], version) for name, version in wanted])
    known: dict[str, tuple[int, int]] = {}
    for (name, version), refusal in zip(wanted, refusals, strict=True):
        if refusal is None:
            known[name] = (known.get(name, (version, version))[0], version)
    return known


def _with_code(flatbuffer: bytes, builtin: int, version: int) -> bytes:
    model = schema.ModelT.InitFromPackedBuf(flatbuffer, 0)
    code = schema.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, min(builtin, 127), version
    model.operatorCodes.append(code)
    return pack_model(model)


def smallest_model() -> bytes:
    """A model of one operator, RELU on two numbers."""
    model, graph, operator, code = schema.ModelT(), schema.SubGraphT(), schema.OperatorT(), schema.OperatorCodeT()
    graph.tensors = [_numbers("taken"), _numbers("given")]
    graph.inputs, graph.outputs, graph.operators = [0], [1], [operator]
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0], [1]
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RELU
    code.version = 1
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [schema.BufferT()]
    return pack_model(model)


def _numbers(name: str) -> schema.TensorT:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, [1, 2], schema.TensorType.FLOAT32, 0
    return tensor
