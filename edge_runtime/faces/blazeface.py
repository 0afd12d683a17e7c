"""Finding faces and their landmarks with Google's BlazeFace models.

Bazarevsky et al. 2019, "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs", arXiv:1907.05047.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.errors import TowerError, UsageError
from edge_runtime.faces.detect import Face
from edge_runtime.faces.shrink import shrunk
from edge_runtime.faces.suppress import merge_overlapping
from edge_runtime.files import read_whole, sha256_bytes
from edge_runtime.images import Image
from edge_runtime.towers.interpreter import EngineOptions, Interpreter


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorModel:
    """One of the BlazeFace models.

    Attributes:
        name: What the user calls it.
        file_name: Its file in the models folder.
        sha256: The one content that is accepted.
        size_px: Side of its square input.
        strides: For each feature map, its stride in pixels and its anchors a cell.
        cost: What a frame takes, that of short range being 1.
        least_share: Side of the smallest box that it finds reliably, as a share of the frame's longer side; measured
            by ``python -m benchmarks.detectors`` (docs/detection.md).
    """

    name: str
    file_name: str
    sha256: str
    size_px: int
    strides: tuple[tuple[int, int], ...]
    cost: float
    least_share: float

    def anchors(self) -> npt.NDArray[np.float32]:
        """Centres of the anchors as fractions of the input; float32 of shape (anchors, 2)."""
        maps = []
        for stride, repeat in self.strides:
            cells = self.size_px // stride
            centre = (np.arange(cells, dtype=np.float32) + 0.5) / cells
            grid = np.stack(np.meshgrid(centre, centre), axis=-1).reshape(-1, 2)
            maps.append(np.repeat(grid, repeat, axis=0))
        return np.concatenate(maps)


_MAX_FILE = 16 << 20
MODELS = {
    "full-range": DetectorModel(
        name="full-range",
        file_name="face_detection_full_range.tflite",
        sha256="99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
        size_px=192,
        strides=((4, 1),),
        cost=2.3,
        least_share=0.15625,
    ),
    "short-range": DetectorModel(
        name="short-range",
        file_name="face_detection_short_range.tflite",
        sha256="3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633",
        size_px=128,
        strides=((8, 2), (16, 6)),
        cost=1.0,
        least_share=0.3125,
    ),
    "back": DetectorModel(
        name="back",
        file_name="face_detection_back.tflite",
        sha256="e376cf6b168d5ece8a3cedb94acc4eb168a136aede125ccc3d903ef38f5beda8",
        size_px=256,
        strides=((16, 2), (32, 6)),
        cost=4.1,
        least_share=0.09375,
    ),
}

# BlazeFace gives the subject's right eye (at the picture's left) first, then the left eye, nose, mouth and two ears.
_KEYPOINTS_USED = 4


class BlazeFace:
    """A loaded BlazeFace model."""

    def __init__(
        self,
        model_file: Path,
        model: DetectorModel,
        *,
        min_score: float = 0.5,
        threads: int = 1,
        family: str | None = None,
        options: EngineOptions | None = None,
    ) -> None:
        """Load a detector.

        Args:
            model_file: The ``.tflite`` file; its content must be the pinned one.
            model: What the file is.
            min_score: Faces that the detector is less sure of are left out.
            threads: Threads to compute with.
            family: Which interpreter (see :mod:`edge_runtime.towers.backends`).
            options: How it runs the model.

        Raises:
            TowerError: The file is missing, is another one, or the interpreter refuses it.
            UsageError: ``min_score`` is not between 0 and 1.
        """
        if not 0 < min_score < 1:
            raise UsageError(f"the detector's minimum score must be between 0 and 1, not {min_score}.")
        self.model = model
        self.name = model.name
        self.min_score = min_score
        flatbuffer = _pinned_bytes(model_file, model)
        self._interpreter = Interpreter(flatbuffer, threads=threads, family=family, options=options)
        self._anchors = model.anchors()
        self._scores_at = next(i for i, spec in enumerate(self._interpreter.outputs) if spec.shape[-1] == 1)

    def detect(self, image_rgb: Image) -> list[Face]:
        """Find the faces in a picture.

        Args:
            image_rgb: uint8 picture of shape (height, width, 3).

        Returns:
            The faces, the surest first.
        """
        canvas, scale, left, top = letterbox(image_rgb, self.model.size_px)
        outputs = self._interpreter.run(canvas.astype(np.float32)[None] * np.float32(1 / 127.5) - np.float32(1))
        logits = np.clip(outputs[self._scores_at][0, :, 0], -80, 80)
        scores = 1 / (1 + np.exp(-logits))
        keep = np.flatnonzero(scores >= self.min_score)
        if keep.size == 0:
            return []
        raw = outputs[1 - self._scores_at][0, keep] / np.float32(self.model.size_px)
        points = raw.reshape(keep.size, -1, 2)
        # The first pair is the box's centre, the second its size; all that follow are landmarks.
        points[:, [0, *range(2, points.shape[1])]] += self._anchors[keep, None]
        points *= self.model.size_px
        faces = merge_overlapping(points, scores[keep])
        return [_to_picture(values, score, scale, left, top) for values, score in faces]


def _pinned_bytes(model_file: Path, model: DetectorModel) -> bytes:
    try:
        data = read_whole(model_file, most_bytes=_MAX_FILE)
    except OSError as error:
        raise TowerError(f"the face detector {model_file} is missing. Run: siamlite setup") from error
    if sha256_bytes(data) != model.sha256:
        raise TowerError(f"{model_file} is not the pinned {model.name} face detector. Run: siamlite setup --force")
    return data


def letterbox(image_rgb: Image, size_px: int) -> tuple[Image, float, int, int]:
    """Fit a picture into a black square, keeping its proportions.

    Returns:
        The square, the factor from picture to square, and the square's black columns at the left and rows at the top.
    """
    height, width = image_rgb.shape[:2]
    scale = size_px / max(height, width)
    new_width, new_height = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (size_px - new_width) // 2, (size_px - new_height) // 2
    canvas = np.zeros((size_px, size_px, 3), dtype=np.uint8)
    canvas[top : top + new_height, left : left + new_width] = (
        shrunk(image_rgb, new_width, new_height)
        if scale < 1
        else cv2.resize(image_rgb, (new_width, new_height), interpolation=cv2.INTER_LINEAR)
    )
    return canvas, scale, left, top


def _to_picture(values: npt.NDArray[np.float32], score: float, scale: float, left: int, top: int) -> Face:
    origin = np.array([left, top], dtype=np.float32)
    centre, size = (values[0] - origin) / scale, values[1] / scale
    low, high = centre - size / 2, centre + size / 2
    # A pixel's centre is at its index, half a pixel from the corner that the detector counts from.
    landmarks = (values[2 : 2 + _KEYPOINTS_USED] - origin) / scale - 0.5
    return Face(
        box_px=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
        landmarks_px=landmarks.astype(np.float32),
        score=score,
    )
