"""What a photograph is laid on: a plane, a bent sheet, or something like a head. Millimetres; z towards the camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.faces.align import Points

Grid: TypeAlias = npt.NDArray[np.float64]
Surface: TypeAlias = Callable[[Grid, Grid], tuple[Grid, Grid, Grid]]

EYES_APART_MM = 63.0


def plane(x: Grid, y: Grid) -> tuple[Grid, Grid, Grid]:
    """A flat sheet."""
    return x, y, np.zeros_like(x)


def bent(radius_mm: float, axis_rad: float = np.pi / 2) -> Surface:
    """A sheet on a cylinder, its length kept; convex towards the camera, or concave if the radius is negative.

    Args:
        radius_mm: Radius of the cylinder.
        axis_rad: Direction of its axis in the sheet: π/2 is upright.
    """
    across = np.array([np.sin(axis_rad), -np.cos(axis_rad)])

    def surface(x: Grid, y: Grid) -> tuple[Grid, Grid, Grid]:
        s = x * across[0] + y * across[1]
        shorter = radius_mm * np.sin(s / radius_mm) - s
        return x + shorter * across[0], y + shorter * across[1], radius_mm * (np.cos(s / radius_mm) - 1)

    return surface


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Something like the front of a head: an ellipsoid with a nose, eye sockets, lips and a chin. Millimetres.

    It is no scan: nobody's face is so smooth, and its nose is a guess between noses.

    Attributes:
        half_width: Half axis to the side.
        half_height: Half axis upwards.
        half_depth: Half axis to the camera.
        nose: How far the tip stands out.
        nose_width: Spread of the nose to the sides.
        sockets: How deep the eyes lie.
        lips: How far the mouth stands out.
    """

    half_width: float = 78.0
    half_height: float = 110.0
    half_depth: float = 85.0
    nose: float = 21.0
    nose_width: float = 11.0
    sockets: float = 5.0
    lips: float = 4.0

    @classmethod
    def random(cls, rng: np.random.Generator) -> Head:
        """One of many heads."""
        return cls(
            half_width=rng.uniform(70, 85),
            half_height=rng.uniform(100, 120),
            half_depth=rng.uniform(65, 105),
            nose=rng.uniform(14, 26),
            nose_width=rng.uniform(9, 14),
            sockets=rng.uniform(2, 8),
            lips=rng.uniform(1, 7),
        )

    def surface(self, landmarks_mm: Points) -> Surface:
        """The head of a photograph whose landmarks (eyes, nose tip, mouth) lie there in millimetres."""
        eyes, nose, mouth = landmarks_mm[:2], landmarks_mm[2], landmarks_mm[3]
        middle = landmarks_mm.mean(axis=0)

        def surface(x: Grid, y: Grid) -> tuple[Grid, Grid, Grid]:
            away = ((x - middle[0]) / self.half_width) ** 2 + ((y - middle[1]) / self.half_height) ** 2
            # Near its edge the ellipsoid would fall off upright; it goes on as a slope that no turn hides.
            round_part = np.where(away < 0.6, np.sqrt(np.maximum(1 - away, 0)), np.sqrt(0.4) - (away - 0.6) * 0.55)
            z = self.half_depth * (round_part - 1)
            z += self.nose * _ridge(x, y, eyes.mean(axis=0), nose, self.nose_width)
            for eye in eyes:
                z -= self.sockets * _bump(x, y, eye, 13, 9)
            chin = mouth + np.array([0, 32])
            z += self.lips * _bump(x, y, mouth, 16, 8) + 5 * _bump(x, y, chin, 18, 12)
            return x, y, z

        return surface


def _bump(x: Grid, y: Grid, at: npt.NDArray[np.floating], width: float, height: float) -> Grid:
    return np.asarray(np.exp(-0.5 * (((x - at[0]) / width) ** 2 + ((y - at[1]) / height) ** 2)))


def _ridge(x: Grid, y: Grid, top: npt.NDArray[np.floating], tip: npt.NDArray[np.floating], width: float) -> Grid:
    """A nose: rising from between the eyes to the tip, and soon down again below it; 1 at the tip."""
    length = max(float(tip[1] - top[1]), 1.0)
    along = (y - top[1]) / length
    rise = np.clip(along, 0, 1) ** 1.3
    fall = np.exp(-0.5 * (np.maximum(y - tip[1], 0) / 8) ** 2)
    centre = top[0] + (tip[0] - top[0]) * np.clip(along, 0, 1)
    return np.asarray(rise * fall * np.exp(-0.5 * ((x - centre) / width) ** 2))
