"""Is this face good enough to be compared? Each property is a number with a limit and an advice."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edge_runtime.errors import UsageError
from edge_runtime.faces.detect import Face
from edge_runtime.images import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What was measured of one face.

    Attributes:
        interocular_px: Distance between the eyes in the picture.
        sharpness: Variance of the Laplacian of the aligned crop's luma, brought to 112 px a side (grey levels squared).
        brightness: Mean luma of the crop's middle, 0 to 255.
        contrast: Standard deviation of that luma.
        inside: Share of the face's box that lies inside the picture, 0 to 1.
        score: How sure the detector is, 0 to 1.
    """

    interocular_px: float
    sharpness: float
    brightness: float
    contrast: float
    inside: float
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityLimits:
    """What a face must reach to be compared. The defaults turn away what no tower can judge, not more."""

    min_interocular_px: float = 16.0
    min_sharpness: float = 8.0
    min_brightness: float = 25.0
    max_brightness: float = 235.0
    min_contrast: float = 8.0
    min_inside: float = 0.7

    def __post_init__(self) -> None:
        """Refuse limits that are not numbers or that exclude each other."""
        values = [getattr(self, name) for name in self.__slots__]
        if not all(np.isfinite(values)) or min(values) < 0 or self.min_brightness >= self.max_brightness:
            held = ", ".join(f"{name} {getattr(self, name):g}" for name in self.__slots__)
            raise UsageError(f"quality limits must be finite, not negative, and the brightness in order, not {held}.")


def measure_quality(image_rgb: Image, face: Face, crop_rgb: Image) -> Quality:
    """Measure a face.

    Args:
        image_rgb: uint8 picture of shape (height, width, 3) that the face is in.
        face: The face.
        crop_rgb: Its aligned crop, uint8 of shape (n, n, 3).
    """
    luma = cv2.cvtColor(crop_rgb, cv2.COLOR_RGB2GRAY)
    if luma.shape[0] != 112:
        luma = cv2.resize(luma, (112, 112), interpolation=cv2.INTER_AREA)
    middle = luma[28:106, 22:90]
    height, width = image_rgb.shape[:2]
    left, top, right, bottom = face.box_px
    shown = max(0.0, min(right, width) - max(left, 0)) * max(0.0, min(bottom, height) - max(top, 0))
    return Quality(
        interocular_px=face.interocular_px,
        sharpness=float(cv2.Laplacian(middle, cv2.CV_32F).var()),
        brightness=float(middle.mean()),
        contrast=float(middle.std()),
        inside=shown / max(face.area_px, 1e-9),
        score=face.score,
    )


def quality_problem(quality: Quality, limits: QualityLimits) -> tuple[str, str] | None:
    """The first limit that a face misses, as a reason code and an advice; None if it is good enough."""
    if quality.interocular_px < limits.min_interocular_px:
        return "face-too-small", "come closer"
    if quality.inside < limits.min_inside:
        return "face-cut-off", "move to the middle of the picture"
    if quality.brightness < limits.min_brightness:
        return "too-dark", "more light on the face"
    if quality.brightness > limits.max_brightness:
        return "too-bright", "less light on the face"
    if quality.contrast < limits.min_contrast:
        return "too-flat", "more even light from the front"
    if quality.sharpness < limits.min_sharpness:
        return "blurred", "hold still, clean the lens"
    return None
