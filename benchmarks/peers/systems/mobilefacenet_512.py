"""MobileFaceNet with 512 numbers, of the package faceplugin-face-recognition-js."""

from __future__ import annotations

from benchmarks.peers.aligned import ONNX, file_peer

PEER = file_peer(
    name="mobilefacenet_512",
    title="MobileFaceNet-512 (ONNX)",
    network="mobilefacenet-512.onnx",
    licence="the package faceplugin-face-recognition-js 0.0.1 says MIT; what it was trained on is not said",
    runtime=ONNX,
    settings={"template": "arcface", "mean": 127.0, "scale": 128.0, "colour": "rgb"},
)
