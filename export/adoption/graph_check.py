"""What a SavedModel may compute: a graph is a program, and TensorFlow's operators read and write files and run Python.

Every operator anywhere in the file must be plain arithmetic on tensors. Only the functions that every SavedModel
carries to save and restore its weights may name files, and nothing else may call them; siamlite does not either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from edge_runtime.errors import TowerError

_OPERATORS = """
Abs Add AddN AddV2 All Any ArgMax ArgMin AvgPool BatchMatMul BatchMatMulV2 BatchMatMulV3 BatchToSpaceND BiasAdd
BroadcastTo Cast Ceil ClipByValue Concat ConcatV2 Const Conv2D Cos CropAndResize Cumsum DepthToSpace
DepthwiseConv2dNative Div DivNoNan Einsum Elu Equal Erf Exp ExpandDims Fill Floor FloorDiv FloorMod FusedBatchNorm
FusedBatchNormV2 FusedBatchNormV3 Gather GatherNd GatherV2 Greater GreaterEqual Identity IdentityN InvertPermutation
IsFinite IsInf IsNan L2Loss LRN LeakyRelu Less LessEqual Log Log1p LogSoftmax LogicalAnd LogicalNot LogicalOr MatMul
Max MaxPool MaxPoolV2 Maximum Mean Min Minimum MirrorPad Mod Mul MulNoNan Neg NoOp NotEqual OneHot OnesLike Pack Pad
PadV2 PartitionedCall Placeholder PlaceholderWithDefault Pow Prod Range Rank ReadVariableOp RealDiv Reciprocal Relu
Relu6 Reshape ResizeBilinear ResizeNearestNeighbor ReverseV2 Round Rsqrt Select SelectV2 Selu Shape ShapeN Sigmoid
Sign Sin Size Slice Softmax Softplus Softsign SpaceToBatchND SpaceToDepth Split SplitV Sqrt Square
SquaredDifference Squeeze StatefulPartitionedCall StopGradient StridedSlice Sub Sum Tan Tanh Tile TopKV2 Transpose
Unpack Where ZerosLike
"""
_ARITHMETIC = frozenset(_OPERATORS.split())
# The graph around the functions declares the weights and sets them up; so do some functions.
_WEIGHTS = frozenset({"AssignVariableOp", "DisableCopyOnRead", "VarHandleOp", "VarIsInitializedOp"})
_CHECKPOINT = frozenset(
    {"MergeV2Checkpoints", "RestoreV2", "SaveV2", "ShardedFilename", "StaticRegexFullMatch", "StringJoin"}
)
_OBJECTS = frozenset({"bare_concrete_function", "captured_tensor", "constant", "function", "user_object", "variable"})


def refuse_unsafe_graph(meta_graph: Any, path: Path) -> None:
    """Refuse a SavedModel that could do more than compute.

    Args:
        meta_graph: TensorFlow's ``MetaGraphDef``, parsed and not loaded.
        path: For messages.

    Raises:
        TowerError: It holds an operator or an object that is not known to be harmless; nothing in it was run.
    """
    functions = {function.signature.name: function.node_def for function in meta_graph.graph_def.library.function}
    nodes = list(meta_graph.graph_def.node)
    saver = {meta_graph.saver_def.save_tensor_name.split(":")[0], meta_graph.saver_def.restore_op_name.split(":")[0]}
    savers = {called for node in nodes if node.name in saver for called in _called(node)}
    for name in savers:
        _check_nodes(functions.get(name, ()), _ARITHMETIC | _WEIGHTS | _CHECKPOINT, path)
    others = [node for name, body in functions.items() if name not in savers for node in body]
    outside = [node for node in nodes if node.name not in saver]
    _check_nodes([*others, *outside], _ARITHMETIC | _WEIGHTS, path)
    within = [node for name in savers for node in functions.get(name, ())]
    if savers.intersection(called for node in (*others, *outside, *within) for called in _called(node)):
        raise _refusal(path, "it calls the functions that save its weights")
    for node in meta_graph.object_graph_def.nodes:
        kind = node.WhichOneof("kind")
        if kind not in _OBJECTS:
            raise _refusal(path, f"it holds an object of kind {kind!r}, such as a table or a file")
        # Loading such an object would run functions of the file.
        if node.saveable_objects or node.registered_saver:
            raise _refusal(path, "an object in it brings its own way of loading")


def _check_nodes(nodes: Iterable[Any], known: frozenset[str], path: Path) -> None:
    for node in nodes:
        if node.op not in known:
            raise _refusal(path, f"its graph holds the operator {node.op!r}, which is not plain arithmetic")


def _called(node: Any) -> Iterator[str]:
    """Functions that a node names in its attributes."""
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func.name
        yield from (function.name for function in value.list.func)


def _refusal(path: Path, reason: str) -> TowerError:
    return TowerError(
        f"{path} is refused, and nothing in it was run: {reason}. Export the tower alone, from a picture to its "
        "embedding, without reading, decoding or Python in the graph."
    )
