"""A TensorFlow.js graph model as a TFLite file with the same float weights.

The format is TensorFlow's own graph as JSON, with the constants in a file beside it. TensorFlow.js fuses a convolution
with what follows it into one node; TensorFlow knows these as several.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError

_UNFUSED = {"_FusedConv2D": "Conv2D", "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative", "_FusedMatMul": "MatMul"}
# What the fused nodes have on top of the plain ones.
_FUSED_ONLY = ("fused_ops", "num_args", "num_host_args", "epsilon", "leakyrelu_alpha", "TArgs", "host_args")
_FLOAT = 1


def convert_graph_model(topology: bytes, data: bytes, *, output: str, side_px: int) -> bytes:
    """Convert a graph model that takes one square picture.

    Args:
        topology: Its ``.json`` file.
        data: Its weights, one file.
        output: Name of the node whose value is wanted.
        side_px: Side of the picture; the batch is fixed at 1.

    Returns:
        A float32 TFLite file.

    Raises:
        DataError: It is no graph model, or the files do not belong together.
    """
    import tensorflow as tf
    from tensorflow.core.framework import graph_pb2

    json_format = import_module("google.protobuf.json_format")
    try:
        held = json.loads(topology)
        values = _read_values(held["weightsManifest"], data)
        nodes = [plain for node in held["modelTopology"]["node"] for plain in _plain_nodes(node)]
        graph = graph_pb2.GraphDef()
        for node in nodes:
            graph.node.append(_graph_node(node, values, side_px))
        graph.versions.producer = tf.version.GRAPH_DEF_VERSION
        source = next(node["name"] for node in nodes if node["op"] == "Placeholder")
    except (KeyError, ValueError, TypeError, StopIteration, json_format.ParseError) as error:
        raise DataError(f"this is no TensorFlow.js graph model: {type(error).__name__} {error}") from error
    wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph, name=""), [])
    function = wrapped.prune(f"{source}:0", f"{output}:0")
    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([function]).convert())


def _read_values(manifest: list[dict[str, Any]], data: bytes) -> dict[str, npt.NDArray[Any]]:
    values, at = {}, 0
    for entry in (entry for group in manifest for entry in group["weights"]):
        packed = entry.get("quantization", {})
        kind = np.dtype(packed.get("dtype", entry["dtype"]))
        count = int(np.prod(entry["shape"], dtype=np.int64))
        value = np.frombuffer(data, kind, count, at)
        at += count * kind.itemsize
        if packed:
            value = value.astype(np.float32) * np.float32(packed.get("scale", 1)) + np.float32(packed.get("min", 0))
        values[entry["name"]] = value.reshape(entry["shape"])
    if at != len(data):
        raise ValueError(f"the weights have {len(data)} bytes, {at} are named")
    return values


def _plain_nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The nodes that a fused one stands for; any other as it is."""
    if node["op"] not in _UNFUSED:
        yield node
        return
    names = [base64.b64decode(text).decode() for text in node["attr"]["fused_ops"]["list"].get("s", [])]
    if set(names) - {"BiasAdd", "Relu", "Relu6"}:
        raise ValueError(f"a node is fused with {names}")
    attributes = {key: value for key, value in node["attr"].items() if key not in _FUSED_ONLY}
    last, more = (f"{node['name']}/0" if names else node["name"]), list(node["input"][2:])
    yield {"name": last, "op": _UNFUSED[node["op"]], "input": node["input"][:2], "attr": attributes}
    for at, name in enumerate(names, start=1):
        before, last = last, (node["name"] if at == len(names) else f"{node['name']}/{at}")
        inputs = [before, more.pop(0)] if name == "BiasAdd" else [before]
        yield {"name": last, "op": name, "input": inputs, "attr": {"T": {"type": "DT_FLOAT"}}}


def _graph_node(node: dict[str, Any], values: Mapping[str, npt.NDArray[Any]], side_px: int) -> Any:
    import tensorflow as tf
    from tensorflow.core.framework import node_def_pb2

    made = node_def_pb2.NodeDef(name=node["name"], op=node["op"])
    if node["op"] == "Const":
        value = values[node["name"]]
        made.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
        made.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    elif node["op"] == "Placeholder":
        made.attr["dtype"].type = _FLOAT
        made.attr["shape"].shape.CopyFrom(tf.TensorShape([1, side_px, side_px, 3]).as_proto())
    else:
        import_module("google.protobuf.json_format").ParseDict(node, made, ignore_unknown_fields=True)
    return made
