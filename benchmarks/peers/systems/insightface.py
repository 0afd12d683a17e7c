"""InsightFace's small network (``w600k_mbf.onnx`` of its pack ``buffalo_s``, as uniface takes it too), by path."""

from __future__ import annotations

from benchmarks.peers.aligned import ONNX, file_peer

PEER = file_peer(
    name="insightface",
    title="InsightFace, w600k_mbf (ONNX)",
    network="w600k_mbf.onnx",
    licence="look at the terms of the weights; they are in no package",
    runtime=ONNX,
    settings={"template": "arcface", "mean": 127.5, "scale": 127.5, "colour": "rgb"},
)
