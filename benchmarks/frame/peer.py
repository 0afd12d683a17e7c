"""The usual parts: OpenCV's YuNet at 320 pixels, similarity alignment, a float MobileFaceNet.

``python -m benchmarks.frame.peer FILE`` makes the network, in a process of its own. Its weights are random: what a
network has learnt does not change what it costs.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import FetchError
from edge_runtime.faces.align import align_face
from edge_runtime.faces.yunet import YuNet
from edge_runtime.files import write_bytes
from edge_runtime.images import Image
from edge_runtime.towers.interpreter import Interpreter

_SIZE_PX, _LENGTH = 112, 128


class Peer:
    """Picture in, similarity out."""

    def __init__(self, yunet: Path, network: Path, *, family: str | None = None) -> None:
        """Load both networks; the person to compare with is random too."""
        self._detector = YuNet(yunet, longest_px=320)
        self._network = Interpreter(network.read_bytes(), family=family)
        self._template = np.full(_LENGTH, _LENGTH**-0.5, np.float32)

    def look(self, image_rgb: Image) -> float | None:
        """The similarity of the largest face with the template; None without a face."""
        faces = self._detector.detect(image_rgb)
        if not faces:
            return None
        face = max(faces, key=lambda item: item.area_px)
        crop = align_face(image_rgb, face.landmarks_px, _SIZE_PX)
        values = crop[None].astype(np.float32) * np.float32(1 / 127.5) - np.float32(1)
        embedding: npt.NDArray[np.float32] = self._network.run(values)[0][0]
        return float(embedding @ self._template / max(float(np.linalg.norm(embedding)), 1e-9))


def kept_network(folder: Path) -> Path:
    """The float network in a folder; made in a process of its own if it is not there, so that none here has TensorFlow.

    Raises:
        FetchError: It could not be made.
    """
    path = folder / f"mobilefacenet-{_SIZE_PX}-float.tflite"
    if not path.is_file():
        run = subprocess.run(
            [sys.executable, "-m", "benchmarks.frame.peer", str(path)], capture_output=True, text=True, check=False
        )
        if run.returncode != 0 or not path.is_file():
            raise FetchError(f"the float MobileFaceNet could not be made: {(run.stderr.strip() or 'no answer')[-200:]}")
    return path


def _make(path: Path) -> None:
    from edge_runtime.towers.preprocess import InputSpec
    from train.config import TowerConfig
    from train.towers.build import build_tower
    from train.towers.measure import convert

    spec = InputSpec(size_px=_SIZE_PX, colour="rgb")
    config = TowerConfig(name="mobilefacenet", width=64, embedding_length=_LENGTH, dropout=0.0)
    write_bytes(path, convert(build_tower(spec, config), spec))


if __name__ == "__main__":
    _make(Path(sys.argv[1]))
