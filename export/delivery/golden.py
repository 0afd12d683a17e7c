"""Golden crops: what a tower is tested on at every load. Drawn, not photographed, for they travel with it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

COUNT = 4


def golden_crops(size_px: int) -> npt.NDArray[np.uint8]:
    """Four drawn crops that excite a tower much as faces do: a head with features, under uneven light, with grain.

    They are made from the size alone, so they show nobody, and they are the same for every tower of that size.

    Args:
        size_px: Side of the crops.

    Returns:
        uint8 of shape (4, size_px, size_px, 3), RGB.
    """
    return np.stack([_drawn_head(size_px, seed) for seed in range(COUNT)])


def _drawn_head(size_px: int, seed: int) -> npt.NDArray[np.uint8]:
    generator = np.random.default_rng(seed)
    # Coordinates from 0 to 1, and soft ellipses in them: dark eyes, brows and mouth on a bright head.
    y, x = np.mgrid[0:size_px, 0:size_px].astype(np.float64) / size_px
    shade = np.full((size_px, size_px), generator.uniform(40, 110))
    shade += generator.uniform(80, 120) * _ellipse(x, y, 0.5, 0.58, generator.uniform(0.33, 0.42), 0.5)
    for centre_x in (0.34, 0.66):
        shade -= generator.uniform(60, 110) * _ellipse(x, y, centre_x, 0.46, 0.075, generator.uniform(0.025, 0.045))
        shade -= generator.uniform(30, 80) * _ellipse(x, y, centre_x, generator.uniform(0.34, 0.38), 0.11, 0.022)
    shade -= generator.uniform(15, 40) * _ellipse(x, y, 0.5, 0.66, 0.06, 0.03)
    shade -= generator.uniform(40, 90) * _ellipse(x, y, 0.5, 0.82, generator.uniform(0.1, 0.16), 0.03)
    light = cv2.resize(generator.normal(size=(4, 4)), (size_px, size_px), interpolation=cv2.INTER_CUBIC)
    grain = cv2.resize(generator.normal(size=(28, 28)), (size_px, size_px), interpolation=cv2.INTER_LINEAR)
    shade += 12 * light + 6 * grain
    tint = generator.uniform(0.85, 1.0, size=3)
    return np.clip(np.rint(shade[:, :, None] * tint), 0, 255).astype(np.uint8)


def _ellipse(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], centre_x: float, centre_y: float, wide: float, high: float
) -> npt.NDArray[np.float64]:
    """1 inside an ellipse, 0 outside, with a soft edge."""
    distance = np.hypot((x - centre_x) / wide, (y - centre_y) / high)
    return np.asarray(1 / (1 + np.exp(np.clip(12 * (distance - 1), -60, 60))), dtype=np.float64)
