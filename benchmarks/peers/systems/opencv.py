"""OpenCV's own pipeline: YuNet and SFace by ``cv2.FaceDetectorYN`` and ``cv2.FaceRecognizerSF``, by path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.peers.aligned import open_cv, yunet_faces
from benchmarks.peers.protocol import ALIGN, DETECT, EMBED, Peer, Pipeline, Stopwatch
from edge_runtime.errors import DataError


class _OpenCv:
    def __init__(self, yunet: Path, sface: Path) -> None:
        cv2 = open_cv()
        self._detect = yunet_faces(cv2, yunet)
        try:
            self._recogniser = cv2.FaceRecognizerSF.create(str(sface), "")
        except cv2.error as error:
            raise DataError(f"OpenCV cannot load {sface} as SFace: {' '.join(str(error).split())[:200]}") from error

    def embed(self, frame_bgr: npt.NDArray[np.uint8], watch: Stopwatch) -> npt.NDArray[np.float32] | None:
        face = self._detect(frame_bgr)
        watch.lap(DETECT)
        if face is None:
            return None
        crop = self._recogniser.alignCrop(frame_bgr, face)
        watch.lap(ALIGN)
        vector = np.asarray(self._recogniser.feature(crop), dtype=np.float32).ravel()
        watch.lap(EMBED)
        return vector


def _load(weights: Mapping[str, Path], settings: Mapping[str, Any]) -> Pipeline:
    return _OpenCv(weights["yunet"], weights["sface.onnx"])


PEER = Peer(
    name="opencv",
    title="OpenCV, YuNet + SFace",
    parts="YuNet 640×480, alignCrop and SFace in OpenCV's dnn module, cosine",
    licence="look at the terms of SFace's weights; they are in no package",
    requirements=("opencv-python-headless==4.14.0.94", "numpy==2.4.6"),
    weights=("yunet", "sface.onnx"),
    load=_load,
)
