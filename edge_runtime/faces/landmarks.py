"""From a detector's four landmarks to five exact ones: the corners of the eyes and the base of the nose.

The trees are dlib's five-point predictor, made smaller by ``python -m train import-landmarks``.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.errors import TowerError
from edge_runtime.faces.align import (
    DLIB_FOUR_TEMPLATE,
    REFINER_SHA256,
    AlignmentTemplate,
    Points,
    cut_square,
    part_under,
    similarity_transform,
)
from edge_runtime.faces.trees import ShapePlacer, trees_from_bytes
from edge_runtime.files import read_whole, sha256_bytes
from edge_runtime.images import Image

REFINER_FILE = Path(__file__).resolve().parents[1] / "models" / "five_points.npz"
_MAX_FILE = 16 << 20

# The grey picture that the trees look at, and the face's box in its middle. The margin is for a face that the detector
# placed badly.
_PATCH_PX, _BOX_PX = 150, 100.0
# Where the box lies in dlib's crop, as fractions of its side: middle and side of the boxes that dlib's own face
# detector gives, the median of some 1,300 photographs. The trees were trained to begin there.
_BOX_MIDDLE, _BOX_SIDE = (0.48, 0.49), 0.81

# The trees begin on landmarks on this grid.
GRID_PX = np.float32(0.25)


class LandmarkRefiner:
    """The trees, loaded."""

    def __init__(self, file: Path = REFINER_FILE) -> None:
        """Load the trees.

        Args:
            file: The refiner's file; its content must be the pinned one.

        Raises:
            TowerError: The file is missing, damaged or another one.
        """
        self._placer = ShapePlacer(trees_from_bytes(_pinned_bytes(file)), box_px=_BOX_PX, patch_px=_PATCH_PX)
        chip = np.asarray(DLIB_FOUR_TEMPLATE.points)
        self._start = ((chip - _BOX_MIDDLE) / _BOX_SIDE * _BOX_PX + (_PATCH_PX - 1) / 2).astype(np.float32)

    def refine(self, image_rgb: Image, landmarks_px: Points) -> Points:
        """Find the five points of a face.

        Args:
            image_rgb: uint8 picture of shape (height, width, 3).
            landmarks_px: float32 of shape (4, 2): the detector's, in the order of
                :data:`~edge_runtime.faces.align.LANDMARK_NAMES`.

        Returns:
            float32 of shape (5, 2): (x, y) in pixels, in the order of :data:`~edge_runtime.faces.align.REFINED_NAMES`.

        Raises:
            UsageError: The landmarks coincide or are not of shape (4, 2).
        """
        # Another processor's detector gives landmarks that are some 1e-4 px elsewhere, and the trees jump: without the
        # grid the same frame would give other points there.
        start = np.rint(landmarks_px / GRID_PX) * GRID_PX
        matrix = similarity_transform(start, self._start, DLIB_FOUR_TEMPLATE.weights)
        placed = self._placer.place(_grey_patch(image_rgb, matrix))
        back = cv2.invertAffineTransform(matrix)
        return (placed @ back[:, :2].T + back[:, 2]).astype(np.float32)


def refiner_for(template: AlignmentTemplate) -> LandmarkRefiner | None:
    """The refiner that a template's points come from; None if they are the detector's own.

    Raises:
        TowerError: It is not the one of this version, or its file is damaged.
    """
    if not template.refiner:
        return None
    if template.refiner != REFINER_SHA256:
        raise TowerError(
            f"the alignment {template.name!r} needs the landmark refiner {template.refiner[:12]}…; this siamlite has "
            f"{REFINER_SHA256[:12]}…. Use the siamlite that the tower was made with, or make it again with this one."
        )
    return LandmarkRefiner()


def _grey_patch(image_rgb: Image, matrix: npt.NDArray[np.float64]) -> Image:
    """What lies under the patch, in grey; only that part of the picture is converted."""
    left, top, right, bottom = part_under(image_rgb, matrix, _PATCH_PX, margin_px=8 / np.hypot(*matrix[:, 0]))
    grey = np.asarray(cv2.cvtColor(image_rgb[top:bottom, left:right], cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ (left, top)
    return cut_square(grey, moved, _PATCH_PX)


def _pinned_bytes(file: Path) -> bytes:
    again = "Install siamlite again: pip install --force-reinstall --no-deps siamlite"
    try:
        data = read_whole(file, most_bytes=_MAX_FILE)
    except OSError as error:
        raise TowerError(f"the landmark refiner {file} cannot be read: {error.strerror or error}. {again}") from error
    if sha256_bytes(data) != REFINER_SHA256:
        raise TowerError(f"{file} is not the pinned landmark refiner: it is damaged or another version's. {again}")
    return data
