"""What a face detector gives, and what every detector can be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edge_runtime.faces.align import Points
from edge_runtime.images import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A face in a picture.

    Attributes:
        box_px: (left, top, right, bottom) in pixels; it may reach beyond the picture.
        landmarks_px: float32 of shape (4, 2): eye at the picture's left, eye at its right, nose tip, mouth centre.
        score: How sure the detector is, 0 to 1.
    """

    box_px: tuple[float, float, float, float]
    landmarks_px: Points
    score: float

    @property
    def interocular_px(self) -> float:
        """Distance between the eyes in pixels."""
        return float(np.linalg.norm(self.landmarks_px[1] - self.landmarks_px[0]))

    @property
    def area_px(self) -> float:
        """Area of the box in square pixels."""
        left, top, right, bottom = self.box_px
        return max(0.0, right - left) * max(0.0, bottom - top)


class Detector(Protocol):
    """Finds faces: BlazeFace (:mod:`~edge_runtime.faces.blazeface`) or YuNet (:mod:`~edge_runtime.faces.yunet`).

    Attributes:
        name: What the user calls it, as :func:`~edge_runtime.faces.choice.open_detector` takes it.
        min_score: Faces that it is less sure of are left out.
    """

    @property
    def name(self) -> str:
        """See above."""

    @property
    def min_score(self) -> float:
        """See above."""

    def detect(self, image_rgb: Image) -> list[Face]:
        """Find the faces in a picture.

        Args:
            image_rgb: uint8 picture of shape (height, width, 3).

        Returns:
            The faces, the surest first.
        """
