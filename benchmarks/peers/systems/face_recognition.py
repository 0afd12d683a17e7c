"""The package face_recognition: dlib's HOG detector, five points, its ResNet; Euclidean distance.

``dlib-bin`` is the same dlib as a ready wheel. The steps and their settings are those of ``face_recognition.api`` 1.3:
one upsampling, the small landmark model of ``face_encodings``, no jitter.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.peers.protocol import ALIGN, DETECT, EMBED, EUCLIDEAN, Peer, Pipeline, Stopwatch

_UPSAMPLE, _CHIP_PX, _PADDING = 1, 150, 0.25


class _FaceRecognition:
    def __init__(self, points: Path, network: Path) -> None:
        self._dlib = import_module("dlib")
        self._detector = self._dlib.get_frontal_face_detector()
        self._points = self._dlib.shape_predictor(str(points))
        self._network = self._dlib.face_recognition_model_v1(str(network))

    def embed(self, frame_bgr: npt.NDArray[np.uint8], watch: Stopwatch) -> npt.NDArray[np.float32] | None:
        image_rgb = np.ascontiguousarray(frame_bgr[..., ::-1])
        boxes = self._detector(image_rgb, _UPSAMPLE)
        watch.lap(DETECT)
        if not boxes:
            return None
        largest = max(boxes, key=lambda box: box.area())
        shape = self._points(image_rgb, largest)
        chip = self._dlib.get_face_chip(image_rgb, shape, _CHIP_PX, _PADDING)
        watch.lap(ALIGN)
        vector = np.asarray(self._network.compute_face_descriptor(chip), dtype=np.float32)
        watch.lap(EMBED)
        return vector


def _load(weights: Mapping[str, Path], settings: Mapping[str, Any]) -> Pipeline:
    return _FaceRecognition(weights["dlib-points"], weights["dlib-network"])


PEER = Peer(
    name="face_recognition",
    title="face_recognition (dlib)",
    parts="dlib's HOG detector with one upsampling, five points, dlib's ResNet in float, Euclidean distance",
    licence="MIT and Boost-1.0; weights CC0-1.0, from the package face_recognition_models 0.3.0",
    requirements=("dlib-bin==20.0.1.post1", "numpy==2.4.6"),
    weights=("dlib-points", "dlib-network"),
    load=_load,
    metric=EUCLIDEAN,
)
