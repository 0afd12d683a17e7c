"""Is this face good enough to be compared? Each property is a number with a limit and an advice."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from edge_runtime.errors import UsageError
from edge_runtime.faces.detect import Face
from edge_runtime.faces.pose import head_pose
from edge_runtime.images import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What was measured of one face.

    Attributes:
        interocular_px: Distance between the eyes in the picture.
        sharpness: Variance of the Laplacian of the aligned crop's luma, brought to 112 px a side (grey levels squared).
        brightness: Mean luma of the crop's middle, 0 to 255.
        contrast: Standard deviation of that luma.
        inside: Share of the face's box that lies inside the picture, 0 to 1; 0 if a landmark does not.
        score: How sure the detector is, 0 to 1.
        yaw_deg: Roughly how far the head is turned to the side (:mod:`edge_runtime.faces.pose`).
        pitch_deg: Roughly how far it looks down (positive) or up.
        roll_deg: How far it is tilted in the picture.
    """

    interocular_px: float
    sharpness: float
    brightness: float
    contrast: float
    inside: float
    score: float
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityLimits:
    """What a face must reach to be compared. The defaults turn away what no tower can judge, not more."""

    min_interocular_px: float = 16.0
    min_sharpness: float = 8.0
    min_brightness: float = 25.0
    max_brightness: float = 235.0
    min_contrast: float = 8.0
    min_inside: float = 0.7
    max_yaw_deg: float = 45.0
    max_pitch_deg: float = 45.0
    max_roll_deg: float = 50.0

    def __post_init__(self) -> None:
        """Refuse limits that are not numbers or that exclude each other."""
        values = [getattr(self, name) for name in self.__slots__]
        if not all(np.isfinite(values)) or min(values) < 0 or self.min_brightness >= self.max_brightness:
            held = ", ".join(f"{name} {getattr(self, name):g}" for name in self.__slots__)
            raise UsageError(f"quality limits must be finite, not negative, and the brightness in order, not {held}.")

    @classmethod
    def of(cls, *layers: Mapping[str, float]) -> QualityLimits:
        """The usual limits, with those of a tower's card, a configuration, … in their place; the last one counts.

        Raises:
            UsageError: There is no such limit, or it is no number.
        """
        names = [limit.name for limit in dataclasses.fields(cls)]
        values: dict[str, float] = {}
        for layer in layers:
            if not isinstance(layer, Mapping):
                raise UsageError(f"quality limits are numbers by name, not {layer!r:.50}.")
            for name, value in layer.items():
                if name not in names:
                    raise UsageError(f"there is no quality limit {name!r:.50}; there are {', '.join(names)}.")
                values[name] = _number(name, value)
        return cls(**values)


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f"the quality limit {name} must be a number, not {value!r:.50}.")
    return float(value)


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
    mean, spread = cv2.meanStdDev(middle)
    edges = cv2.meanStdDev(cv2.Laplacian(middle, cv2.CV_32F))[1]
    pose = head_pose(face.landmarks_px)
    return Quality(
        interocular_px=face.interocular_px,
        sharpness=float(edges[0, 0]) ** 2,
        brightness=float(mean[0, 0]),
        contrast=float(spread[0, 0]),
        inside=_inside(face, image_rgb.shape),
        score=face.score,
        yaw_deg=pose.yaw_deg,
        pitch_deg=pose.pitch_deg,
        roll_deg=pose.roll_deg,
    )


def _inside(face: Face, shape: tuple[int, ...]) -> float:
    """Share of the box inside a picture of a shape; 0 if an eye, the nose or the mouth is outside."""
    height, width = shape[:2]
    low, high = face.landmarks_px.min(axis=0), face.landmarks_px.max(axis=0)
    if low.min() < -0.5 or high[0] > width - 0.5 or high[1] > height - 0.5:
        return 0.0
    left, top, right, bottom = face.box_px
    shown = max(0.0, min(right, width) - max(left, 0)) * max(0.0, min(bottom, height) - max(top, 0))
    return shown / max(face.area_px, 1e-9)


def quality_problem(quality: Quality, limits: QualityLimits) -> tuple[str, str] | None:
    """The first limit that a face misses, as a reason code and an advice; None if it is good enough."""
    checks = (
        (quality.interocular_px >= limits.min_interocular_px, "face-too-small", "come closer"),
        (quality.inside >= limits.min_inside, "face-cut-off", "move to the middle of the picture"),
        (quality.brightness >= limits.min_brightness, "too-dark", "more light on the face"),
        (quality.brightness <= limits.max_brightness, "too-bright", "less light on the face"),
        (quality.contrast >= limits.min_contrast, "too-flat", "more even light from the front"),
        (abs(quality.yaw_deg) <= limits.max_yaw_deg, "turned-away", "look at the camera"),
        (abs(quality.pitch_deg) <= limits.max_pitch_deg, "looking-up-or-down", "look at the camera"),
        (abs(quality.roll_deg) <= limits.max_roll_deg, "tilted", "hold your head upright"),
        (quality.sharpness >= limits.min_sharpness, "blurred", "hold still, clean the lens"),
    )
    # What is not a number misses its limit.
    return next(((reason, advice) for good, reason, advice in checks if not good), None)


def quality_weight(quality: Quality) -> float:
    """How much a frame counts beside the others of its person, from what was measured and never from a similarity.

    Full weight from 40 px between the eyes, a sharpness of 50 and a contrast of 25; a turned head counts by the
    cosine of its angles.

    Returns:
        0.1 to 1.
    """
    ramps = min(1.0, quality.interocular_px / 40) * min(1.0, quality.sharpness / 50) * min(1.0, quality.contrast / 25)
    facing = max(0.0, math.cos(math.radians(quality.yaw_deg)) * math.cos(math.radians(quality.pitch_deg)))
    return float(np.clip(ramps * facing, 0.1, 1.0))
