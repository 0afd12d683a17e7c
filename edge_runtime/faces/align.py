"""From landmarks to an upright crop: the one place where faces are aligned, for training and for the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.errors import UsageError
from edge_runtime.images import Image

Points: TypeAlias = npt.NDArray[np.float32]

LANDMARK_NAMES = ("eye at the picture's left", "eye at the picture's right", "nose tip", "mouth centre")
# The refiner's points, in the order that dlib gives them.
REFINED_NAMES = (
    "outer corner of the eye at the picture's right",
    "inner corner of the eye at the picture's right",
    "outer corner of the eye at the picture's left",
    "inner corner of the eye at the picture's left",
    "base of the nose",
)
# The one content of the refiner's file that this version knows (see :mod:`edge_runtime.faces.landmarks`).
REFINER_SHA256 = "1ca12e68781fadb5af4fa6bbb8575c1d9eb4125bd13967eec2c61b2352e35894"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentTemplate:
    """Where landmarks lie in the crop: the four that every detector gives, or the five that a refiner makes of them.

    Attributes:
        name: What the card calls it.
        points: (x, y) pairs as fractions of the crop's side: four in the order of :data:`LANDMARK_NAMES`, or five in
            the order of :data:`REFINED_NAMES`.
        weights: How much each point counts in the transform; empty: all alike.
        refiner: SHA-256 of the refiner's file that gives the five points; empty for the detector's four.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    weights: tuple[float, ...] = ()
    refiner: str = ""

    def __post_init__(self) -> None:
        """Refuse points that are not distinct and near the crop, and weights that are none."""
        array = np.asarray(self.points, dtype=np.float64)
        count = len(REFINED_NAMES if self.refiner else LANDMARK_NAMES)
        if array.shape != (count, 2) or not np.isfinite(array).all() or np.abs(array - 0.5).max() > 1:
            named = {4: "four", 5: "five"}[count]
            raise UsageError(f"alignment template {self.name!r:.50}: {named} (x, y) fractions of the crop are needed.")
        if np.ptp(array, axis=0).min() <= 0:
            raise UsageError(f"alignment template {self.name!r:.50}: its points lie on one line.")
        weights = np.asarray(self.weights, dtype=np.float64)
        if weights.size and (weights.shape != (count,) or not np.isfinite(weights).all() or weights.min() < 0):
            raise UsageError(f"alignment template {self.name!r:.50}: a weight of 0 or more is needed for each point.")
        if weights.size and np.count_nonzero(weights) < 2:
            raise UsageError(f"alignment template {self.name!r:.50}: at least two points need a weight above 0.")

    @property
    def geometry(self) -> tuple[tuple[tuple[float, float], ...], tuple[float, ...], str]:
        """All but the name: what decides how a face is cut."""
        return self.points, self.weights, self.refiner

    def pixels(self, size_px: int) -> Points:
        """The points in pixels of a square crop; float32 of shape (4, 2), or (5, 2) for a refiner's."""
        return np.asarray(self.points, dtype=np.float32) * np.float32(size_px)

    def aligns_like(self, other: AlignmentTemplate, *, tolerance: float = 1e-6) -> bool:
        """Whether faces cut by the other template can stand for faces cut by this one.

        Args:
            other: The other template.
            tolerance: How far its points and weights may lie from these.
        """
        return (
            self.refiner == other.refiner
            and len(self.weights) == len(other.weights)
            and np.allclose(self.points, other.points, atol=tolerance)
            and np.allclose(self.weights, other.weights, atol=tolerance)
        )


def template_values(template: AlignmentTemplate) -> dict[str, Any]:
    """A template as JSON holds it: what is empty is left out."""
    values: dict[str, Any] = {"name": template.name, "points": [list(point) for point in template.points]}
    if template.weights:
        values["weights"] = list(template.weights)
    if template.refiner:
        values["refiner"] = template.refiner
    return values


def template_from_values(values: dict[str, Any]) -> AlignmentTemplate:
    """Read what :func:`template_values` gives.

    Raises:
        UsageError: The values are no template.
        KeyError, TypeError, ValueError: They are not even shaped like one.
    """
    unknown = sorted(set(values) - {"name", "points", "weights", "refiner"})
    if unknown:
        raise UsageError(f"an alignment template has no {unknown[0]!r:.50}; this siamlite may be too old for it.")
    return AlignmentTemplate(
        name=str(values["name"]),
        points=tuple((float(x), float(y)) for x, y in values["points"]),
        weights=tuple(float(weight) for weight in values.get("weights", ())),
        refiner=str(values.get("refiner", "")),
    )


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
# The crop that dlib's face network was trained on: the mean shape of ``get_face_chip_details`` (dlib's
# ``interpolation.h``) with a margin of a quarter of its square on every side.
DLIB_TEMPLATE = AlignmentTemplate(
    name="dlib-chip",
    points=tuple(
        ((x + 0.25) / 1.5, (y + 0.25) / 1.5)
        for x, y in (
            (0.8595674595992, 0.2134981538014),
            (0.6460604764104, 0.2289674387677),
            (0.1205750620789, 0.2137274526848),
            (0.3340850613712, 0.2290642403242),
            (0.4901123135679, 0.6277975316475),
        )
    ),
    refiner=REFINER_SHA256,
)
# The same crop by the detector's own landmarks: the median of where they lie in dlib's crops of some 1,300 photographs.
# The nose turns most with the head and counts least.
DLIB_FOUR_TEMPLATE = AlignmentTemplate(
    name="dlib-chip-four",
    points=((0.313, 0.310), (0.669, 0.308), (0.494, 0.541), (0.495, 0.693)),
    weights=(1.0, 1.0, 0.15, 0.4),
)
# dlib's crop without its margin, at the same scale: of its 150 px the 128 px from (11, 8).
DLIB_CLOSE_TEMPLATE = AlignmentTemplate(
    name="dlib-close",
    points=tuple(((150 * x - 11) / 128, (150 * y - 8) / 128) for x, y in DLIB_TEMPLATE.points),
    refiner=REFINER_SHA256,
)
_KNOWN = (DEFAULT_TEMPLATE, WIDE_TEMPLATE, DLIB_TEMPLATE, DLIB_CLOSE_TEMPLATE, DLIB_FOUR_TEMPLATE)
TEMPLATES = {template.name: template for template in _KNOWN}


def similarity_transform(source: Points, target: Points, weights: tuple[float, ...] = ()) -> npt.NDArray[np.float64]:
    """Least-squares rotation, uniform scale and shift that takes ``source`` to ``target``, without mirroring.

    The closed form of Umeyama (1991, IEEE TPAMI 13(4)) in two dimensions, where the rotation and the scale are one
    complex number.

    Args:
        source: Points of shape (n, 2), n ≥ 2.
        target: Points of the same shape.
        weights: How much each pair of points counts, n numbers of 0 or more; empty: all alike.

    Returns:
        float64 matrix of shape (2, 3), to be multiplied with (x, y, 1).

    Raises:
        UsageError: The shapes differ, or the source points coincide.
    """
    if source.shape != target.shape or source.ndim != 2 or source.shape[0] < 2 or source.shape[1] != 2:
        raise UsageError(f"two sets of (n, 2) points are needed, not {source.shape} and {target.shape}.")
    a = source[:, 0].astype(np.float64) + 1j * source[:, 1].astype(np.float64)
    b = target[:, 0].astype(np.float64) + 1j * target[:, 1].astype(np.float64)
    share = np.asarray(weights or np.ones(len(a)), dtype=np.float64)
    a_middle, b_middle = np.average(a, weights=share), np.average(b, weights=share)
    a_centred, b_centred = a - a_middle, b - b_middle
    spread = float(np.sum(share * np.abs(a_centred) ** 2))
    if not np.isfinite(spread) or spread <= 1e-12:
        raise UsageError("the landmarks coincide: no transform is defined.")
    turn = np.sum(share * np.conj(a_centred) * b_centred) / spread
    shift = b_middle - turn * a_middle
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def align_face(
    image_rgb: Image, landmarks_px: Points, size_px: int, template: AlignmentTemplate = DEFAULT_TEMPLATE
) -> Image:
    """Cut an upright square face out of a picture.

    A face that is more than 1.5 times larger than the crop is first reduced by area averaging, so that fine texture
    does not alias. Beyond the picture's edge the border is replicated.

    Args:
        image_rgb: uint8 picture of shape (height, width, 3).
        landmarks_px: float32 of shape (4, 2), or (5, 2) for a refiner's template: (x, y) in pixels, in the order of
            :data:`LANDMARK_NAMES` or :data:`REFINED_NAMES`.
        size_px: Side of the crop.
        template: Where the landmarks shall lie.

    Returns:
        uint8 crop of shape (size_px, size_px, 3), RGB.

    Raises:
        UsageError: The landmarks coincide or are not as many as the template's.
    """
    matrix = similarity_transform(landmarks_px, template.pixels(size_px), template.weights)
    return cut_square(image_rgb, matrix, size_px)


def cut_square(image: Image, matrix: npt.NDArray[np.float64], size_px: int) -> Image:
    """Cut a square out of a picture as :func:`align_face` does.

    Args:
        image: uint8 picture of shape (height, width, 3), or (height, width) if it is grey.
        matrix: float64 of shape (2, 3): similarity transform from the picture's pixels to the square's.
        size_px: Side of the square.

    Returns:
        uint8 crop of shape (size_px, size_px, 3), or (size_px, size_px).
    """
    shrink = 1.0 / float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if shrink > 1.5:
        image, matrix = _reduce(image, matrix, size_px, shrink)
    warped = cv2.warpAffine(image, matrix, (size_px, size_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, dtype=np.uint8)


def part_under(
    image: Image, matrix: npt.NDArray[np.float64], size_px: int, *, margin_px: float
) -> tuple[int, int, int, int]:
    """The part of a picture that lies under a square: left, top, right, bottom, at least one pixel of the picture.

    Args:
        image: uint8 picture of shape (height, width) or (height, width, channels).
        matrix: float64 of shape (2, 3): similarity transform from the picture's pixels to the square's.
        size_px: Side of the square.
        margin_px: What is added on every side, in pixels of the picture.
    """
    height, width = image.shape[:2]
    inverse = cv2.invertAffineTransform(matrix)
    corners = np.array([[0, 0, 1], [size_px, 0, 1], [0, size_px, 1], [size_px, size_px, 1]], dtype=np.float64)
    reach = corners @ inverse.T
    x0, y0 = np.clip(np.floor(reach.min(axis=0) - margin_px), 0, [width - 1, height - 1]).astype(int)
    x1, y1 = np.clip(np.ceil(reach.max(axis=0) + margin_px), [x0 + 1, y0 + 1], [width, height]).astype(int)
    return int(x0), int(y0), int(x1), int(y1)


def _reduce(
    image: Image, matrix: npt.NDArray[np.float64], size_px: int, shrink: float
) -> tuple[Image, npt.NDArray[np.float64]]:
    """Average the part of the picture under the crop down by ``shrink``; give it with the transform that is left."""
    x0, y0, x1, y1 = part_under(image, matrix, size_px, margin_px=2 * shrink)
    part = image[y0:y1, x0:x1]
    small_width = max(1, round(part.shape[1] / shrink))
    small_height = max(1, round(part.shape[0] / shrink))
    small = cv2.resize(part, (small_width, small_height), interpolation=cv2.INTER_AREA)
    # A pixel centre c of the reduced part lies at (c + 0.5) * step - 0.5 + origin of the full picture.
    step = np.array([part.shape[1] / small_width, part.shape[0] / small_height])
    linear = matrix[:, :2] * step
    shift = matrix[:, 2] + matrix[:, :2] @ (np.array([x0, y0]) + 0.5 * step - 0.5)
    return np.asarray(small, dtype=np.uint8), np.column_stack([linear, shift])
