"""Finding faces with OpenCV's YuNet, from an ONNX file that the user gives.

Wu, Peng and Yu 2023, "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 20(5).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.commands.quiet import quiet_stderr
from edge_runtime.errors import TowerError, UsageError
from edge_runtime.faces.detect import Face
from edge_runtime.faces.shrink import shrunk
from edge_runtime.files import read_whole
from edge_runtime.images import Image

# What the network gives for every cell of its three maps, which FaceDetectorYN reads without looking at their sizes.
_STRIDES = (8, 16, 32)
_CHANNELS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
_TRIAL_PX = 64
_MOST_BYTES = 16 << 20
# With it, nothing was taken for a face in 560 cluttered frames (docs/detection.md).
DEFAULT_MIN_SCORE = 0.7
_OVERLAP = 0.3
_MOST_FACES = 200
# OpenCV (4.11 and 4.14) reads memory that nothing was written to where a side has 32 pixels or fewer.
_LEAST_PX = 64


class YuNet:
    """A loaded YuNet."""

    def __init__(self, model_file: Path, *, min_score: float = DEFAULT_MIN_SCORE, longest_px: int = 320) -> None:
        """Load a detector.

        Args:
            model_file: The ``.onnx`` file, as OpenCV's model zoo gives it since OpenCV 4.8.
            min_score: Faces that the detector is less sure of are left out.
            longest_px: Larger pictures are reduced until their longer side has so many pixels.

        Raises:
            TowerError: The file is missing, is damaged, or is another network.
            UsageError: ``min_score`` is not between 0 and 1.
        """
        if not 0 < min_score < 1:
            raise UsageError(f"the detector's minimum score must be between 0 and 1, not {min_score}.")
        self.name = f"yunet:{model_file}"
        self.min_score = min_score
        self.longest_px = longest_px
        model = _checked_model(model_file)
        size = (_TRIAL_PX, _TRIAL_PX)
        empty = np.zeros(0, dtype=np.uint8)
        self._network = cv2.FaceDetectorYN.create("onnx", model, empty, size, min_score, _OVERLAP, _MOST_FACES)
        self._size = size

    def detect(self, image_rgb: Image) -> list[Face]:
        """Find the faces in a picture.

        Args:
            image_rgb: uint8 picture of shape (height, width, 3).

        Returns:
            The faces, the surest first.

        Raises:
            TowerError: OpenCV fails to run the network.
        """
        small, step = _reduced(image_rgb, self.longest_px)
        size = (small.shape[1], small.shape[0])
        try:
            if size != self._size:
                self._network.setInputSize(size)
                self._size = size
            # OpenCV's stubs do not say that it gives None where there is no face.
            found: Any = self._network.detect(small)[1]
        except cv2.error as error:
            raise TowerError(f"OpenCV {cv2.__version__} failed to run {self.name}: {_first_line(error)}") from error
        if found is None:
            return []
        rows = np.asarray(found, dtype=np.float32)
        rows = rows[np.isfinite(rows).all(axis=1)]
        return [_face(row, step) for row in rows[np.argsort(-rows[:, 14], kind="stable")]]


def _reduced(image_rgb: Image, longest_px: int) -> tuple[Image, npt.NDArray[np.float32]]:
    """The picture in BGR, reduced if it is larger; with the pixels of the picture that each of its pixels covers."""
    height, width = image_rgb.shape[:2]
    shrink = max(1.0, max(height, width) / longest_px)
    size = (max(1, round(width / shrink)), max(1, round(height / shrink)))
    small = image_rgb if shrink == 1 else shrunk(image_rgb, *size)
    right, below = max(0, _LEAST_PX - size[0]), max(0, _LEAST_PX - size[1])
    if right or below:
        small = np.asarray(cv2.copyMakeBorder(small, 0, below, 0, right, cv2.BORDER_CONSTANT), dtype=np.uint8)
    step = np.array([width / size[0], height / size[1]], dtype=np.float32)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2BGR), dtype=np.uint8), step


def _face(row: npt.NDArray[np.float32], step: npt.NDArray[np.float32]) -> Face:
    """A row of FaceDetectorYN: box, the subject's right and left eye, nose, both corners of the mouth, score."""
    pairs = row[:14].reshape(7, 2) * step
    (left, top), (width, height) = pairs[:2]
    # A pixel's centre is at its index, half a pixel from the corner that the detector counts from.
    landmarks = np.vstack([pairs[2:5], pairs[5:7].mean(axis=0)]) - 0.5
    return Face(
        box_px=(float(left), float(top), float(left + width), float(top + height)),
        landmarks_px=landmarks.astype(np.float32),
        score=float(min(row[14], 1.0)),
    )


def _checked_model(model_file: Path) -> npt.NDArray[np.uint8]:
    """The file's bytes, once a trial has shown that the network is YuNet's.

    OpenCV reads as many numbers as YuNet gives from whatever another network gives.
    """
    again = "Give face_detection_yunet_2023mar.onnx of OpenCV's model zoo, or choose another --detector."
    try:
        data = read_whole(model_file, most_bytes=_MOST_BYTES)
    except OSError as error:
        reason = error.strerror or str(error)
        raise TowerError(f"the face detector {model_file} cannot be read: {reason}. {again}") from error
    if data.startswith(b"version https://git-lfs"):
        raise TowerError(f"{model_file} is only a Git LFS pointer, not the file itself. {again}")
    model = np.frombuffer(data, dtype=np.uint8)
    with quiet_stderr():
        try:
            _try_out(model)
        except (cv2.error, ValueError, SystemError, RuntimeError, MemoryError) as error:
            raise TowerError(
                f"{model_file} is no YuNet that OpenCV {cv2.__version__} can run: {_first_line(error)}. {again}"
            ) from error
    return model


def _try_out(model: npt.NDArray[np.uint8]) -> None:
    """Run the network once.

    Raises:
        ValueError: It gives something else than YuNet.
        cv2.error: OpenCV does not take it.
    """
    if model.size == 0:
        raise ValueError("it is empty")
    network: Any = cv2.dnn.readNetFromONNX(model)
    wanted = {
        f"{what}_{stride}": (1, (_TRIAL_PX // stride) ** 2, channels)
        for what, channels in _CHANNELS.items()
        for stride in _STRIDES
    }
    missing = sorted(set(wanted) - set(network.getUnconnectedOutLayersNames()))
    if missing:
        raise ValueError(f"it has no output {missing[0]}")
    network.setInput(np.zeros((1, 3, _TRIAL_PX, _TRIAL_PX), dtype=np.float32))
    for name, output in zip(wanted, network.forward(list(wanted)), strict=True):
        if output.shape != wanted[name]:
            raise ValueError(f"its output {name} has the shape {output.shape}, not {wanted[name]}")


def _first_line(error: Exception) -> str:
    """What an error says, in one line without OpenCV's place in its source."""
    text = str(getattr(error, "err", "") or error).strip() or type(error).__name__
    return " ".join(text.splitlines()[0].split())[:160].rstrip(".")
