"""From landmarks to an upright crop: the one place where faces are aligned, for training and for the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.errors import UsageError
from edge_runtime.images import Image

Points: TypeAlias = npt.NDArray[np.float32]

LANDMARK_NAMES = ("eye at the picture's left", "eye at the picture's right", "nose tip", "mouth centre")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentTemplate:
    """Where the four landmarks that every detector shares lie in the crop.

    Attributes:
        name: What the card calls it.
        points: Four (x, y) pairs as fractions of the crop's side, in the order of :data:`LANDMARK_NAMES`.
    """

    name: str
    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        """Refuse anything but four distinct points near the crop."""
        array = np.asarray(self.points, dtype=np.float64)
        if array.shape != (4, 2) or not np.isfinite(array).all() or np.abs(array - 0.5).max() > 1:
            raise UsageError(f"alignment template {self.name!r}: four (x, y) fractions of the crop are needed.")
        if np.ptp(array, axis=0).min() <= 0:
            raise UsageError(f"alignment template {self.name!r}: its points lie on one line.")

    def pixels(self, size_px: int) -> Points:
        """The points in pixels of a square crop; float32 of shape (4, 2)."""
        return np.asarray(self.points, dtype=np.float32) * np.float32(size_px)


# The five ArcFace points at 112×112 (Deng et al. 2019, arXiv:1801.07698), the two mouth corners put together in their
# middle, as fractions of the side.
DEFAULT_TEMPLATE = AlignmentTemplate(
    name="eyes-nose-mouth",
    points=(
        (38.29 / 112, 51.70 / 112),
        (73.53 / 112, 51.50 / 112),
        (56.03 / 112, 71.74 / 112),
        (56.14 / 112, 92.285 / 112),
    ),
)
# The same face at 70 % of the size, its middle at 53 % of the height: with the whole head in the crop, as boxes of
# detectors with a margin give. Nobody's standard, but near what towers were trained on that know no landmarks.
WIDE_TEMPLATE = AlignmentTemplate(
    name="wide",
    points=tuple((0.5 + 0.7 * (x - 0.5), 0.53 + 0.7 * (y - 0.643)) for x, y in DEFAULT_TEMPLATE.points),
)
TEMPLATES = {template.name: template for template in (DEFAULT_TEMPLATE, WIDE_TEMPLATE)}


def similarity_transform(source: Points, target: Points) -> npt.NDArray[np.float64]:
    """Least-squares rotation, uniform scale and shift that takes ``source`` to ``target``, without mirroring.

    The closed form of Umeyama (1991, IEEE TPAMI 13(4)) in two dimensions, where the rotation and the scale are one
    complex number.

    Args:
        source: Points of shape (n, 2), n ≥ 2.
        target: Points of the same shape.

    Returns:
        float64 matrix of shape (2, 3), to be multiplied with (x, y, 1).

    Raises:
        UsageError: The shapes differ, or the source points coincide.
    """
    if source.shape != target.shape or source.ndim != 2 or source.shape[0] < 2 or source.shape[1] != 2:
        raise UsageError(f"two sets of (n, 2) points are needed, not {source.shape} and {target.shape}.")
    a = source[:, 0].astype(np.float64) + 1j * source[:, 1].astype(np.float64)
    b = target[:, 0].astype(np.float64) + 1j * target[:, 1].astype(np.float64)
    a_centred, b_centred = a - a.mean(), b - b.mean()
    spread = float(np.sum(np.abs(a_centred) ** 2))
    if not np.isfinite(spread) or spread <= 1e-12:
        raise UsageError("the landmarks coincide: no transform is defined.")
    turn = np.sum(np.conj(a_centred) * b_centred) / spread
    shift = b.mean() - turn * a.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def align_face(
    image_rgb: Image, landmarks_px: Points, size_px: int, template: AlignmentTemplate = DEFAULT_TEMPLATE
) -> Image:
    """Cut an upright square face out of a picture.

    A face that is more than 1.5 times larger than the crop is first reduced by area averaging, so that fine texture
    does not alias. Beyond the picture's edge the border is replicated.

    Args:
        image_rgb: uint8 picture of shape (height, width, 3).
        landmarks_px: float32 of shape (4, 2), (x, y) in pixels, in the order of :data:`LANDMARK_NAMES`.
        size_px: Side of the crop.
        template: Where the landmarks shall lie.

    Returns:
        uint8 crop of shape (size_px, size_px, 3), RGB.

    Raises:
        UsageError: The landmarks coincide or are not of shape (4, 2).
    """
    matrix = similarity_transform(landmarks_px, template.pixels(size_px))
    shrink = 1.0 / float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if shrink > 1.5:
        image_rgb, matrix = _reduce(image_rgb, matrix, size_px, shrink)
    warped = cv2.warpAffine(
        image_rgb, matrix, (size_px, size_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, dtype=np.uint8)


def _reduce(
    image_rgb: Image, matrix: npt.NDArray[np.float64], size_px: int, shrink: float
) -> tuple[Image, npt.NDArray[np.float64]]:
    """Average the part of the picture under the crop down by ``shrink``; give it with the transform that is left."""
    height, width = image_rgb.shape[:2]
    inverse = cv2.invertAffineTransform(matrix)
    corners = np.array([[0, 0, 1], [size_px, 0, 1], [0, size_px, 1], [size_px, size_px, 1]], dtype=np.float64)
    reach = corners @ inverse.T
    margin = 2 * shrink
    x0, y0 = np.clip(np.floor(reach.min(axis=0) - margin), 0, [width - 1, height - 1]).astype(int)
    x1, y1 = np.clip(np.ceil(reach.max(axis=0) + margin), [x0 + 1, y0 + 1], [width, height]).astype(int)
    part = image_rgb[y0:y1, x0:x1]
    small_width = max(1, round(part.shape[1] / shrink))
    small_height = max(1, round(part.shape[0] / shrink))
    small = cv2.resize(part, (small_width, small_height), interpolation=cv2.INTER_AREA)
    # A pixel centre c of the reduced part lies at (c + 0.5) * step - 0.5 + origin of the full picture.
    step = np.array([part.shape[1] / small_width, part.shape[0] / small_height])
    linear = matrix[:, :2] * step
    shift = matrix[:, 2] + matrix[:, :2] @ (np.array([x0, y0]) + 0.5 * step - 0.5)
    return np.asarray(small, dtype=np.uint8), np.column_stack([linear, shift])
