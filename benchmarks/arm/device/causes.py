"""Why the machines part: a compiler that fuses products and sums, and landmarks that a hair's breadth moves far."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.arm.device.differences import Walked
from edge_runtime.faces.landmarks import LandmarkRefiner
from edge_runtime.faces.shrink import halvings

Floats = npt.NDArray[np.float32]
# By how much the detector's landmarks are moved here, in pixels of the picture.
SHIFTS_PX = (0.0001, 0.001, 0.01)


def explain_canvas(here: Walked, there: Walked) -> list[dict[str, Any]]:
    """Hold both machines' reduced pictures against the same reduction in plain arithmetic, and in fused.

    OpenCV reduces by area with float32 sums of products. x86-64 rounds each product before it is added; the compilers
    of aarch64 fuse both into one instruction that rounds once.

    Returns:
        For each arithmetic, how many values of all pictures differ from it on this machine and on the other.
    """
    rows = []
    for name, fused in (("rounded, then added", False), ("fused", True)):
        counts = {"here": 0, "there": 0}
        for number, picture in enumerate(here.values["chain-picture"]):
            for side, walked in (("here", here), ("there", there)):
                canvas = walked.values["chain-canvas"][number]
                reduced = reduce_by_area(picture, canvas.shape[0], fused=fused)
                counts[side] += int((reduced != canvas).sum())
        rows.append({"arithmetic": name, **counts})
    return rows


def reduce_by_area(picture: npt.NDArray[np.uint8], size_px: int, *, fused: bool) -> npt.NDArray[np.uint8]:
    """Fit a picture into a black square by averaging areas, as :func:`edge_runtime.faces.blazeface.letterbox` does.

    Args:
        picture: uint8 of shape (height, width, 3), larger than the square.
        size_px: Side of the square.
        fused: Whether a product is added without being rounded first.
    """
    height, width = picture.shape[:2]
    scale = size_px / max(height, width)
    small = (round(height * scale), round(width * scale))
    factor = halvings(height, width, min(height / small[0], width / small[1]))
    if factor > 1 and (height % small[0] or width % small[1]):
        # Areas of whole pixels are averaged in integers, which no processor rounds otherwise.
        halved = cv2.resize(picture, (width // factor, height // factor), interpolation=cv2.INTER_AREA)
        picture = np.asarray(halved, dtype=np.uint8)
    columns = _sums(picture.astype(np.float32).swapaxes(0, 1), small[1], fused).swapaxes(0, 1)
    rows = _sums(columns, small[0], fused)
    canvas = np.zeros((size_px, size_px, 3), np.uint8)
    top, left = (size_px - small[0]) // 2, (size_px - small[1]) // 2
    canvas[top : top + small[0], left : left + small[1]] = np.clip(np.rint(rows), 0, 255)
    return canvas


def _sums(lines: Floats, count: int, fused: bool) -> Floats:
    """Weighted sums of neighbouring lines, in the order in which OpenCV takes them."""
    scale = len(lines) / count
    sums = np.zeros((count, *lines.shape[1:]), np.float32)
    for number in range(count):
        for place, weight in _weights(number, scale, len(lines)):
            if fused:
                # The product of two float32 numbers is exact in float64.
                exact = lines[place].astype(np.float64) * np.float64(weight) + sums[number]
                sums[number] = exact.astype(np.float32)
            else:
                sums[number] += lines[place] * weight
    return sums


def _weights(number: int, scale: float, length: int) -> list[tuple[int, np.float32]]:
    """Which lines go into one, and each one's share: the parts of lines at both ends count by what is inside."""
    begin, end = number * scale, number * scale + scale
    cell = min(scale, length - begin)
    last = min(int(np.floor(end)), length - 1)
    first = min(int(np.ceil(begin)), last)
    weights = [(place, np.float32(1 / cell)) for place in range(first, last)]
    if first - begin > 1e-3:
        weights.insert(0, (first - 1, np.float32((first - begin) / cell)))
    if end - last > 1e-3:
        weights.append((last, np.float32(min(min(end - last, 1.0), cell) / cell)))
    return weights


def move_landmarks(here: Walked) -> list[dict[str, float]]:
    """Move the detector's landmarks a little, on this machine alone, and see how far the refined points move.

    Returns:
        For each of :data:`SHIFTS_PX`, the median and the largest of the pictures' farthest point, in pixels.
    """
    refiner, rng, rows = LandmarkRefiner(), np.random.default_rng(0), []
    pictures, faces = here.values["chain-picture"], here.values["chain-face"]
    for shift in SHIFTS_PX:
        farthest = []
        for picture, face in zip(pictures, faces, strict=True):
            landmarks = face[4:12].reshape(4, 2).astype(np.float32)
            nudged = (landmarks + rng.uniform(-shift, shift, landmarks.shape)).astype(np.float32)
            moved = refiner.refine(picture, nudged) - refiner.refine(picture, landmarks)
            farthest.append(float(np.linalg.norm(moved, axis=1).max()))
        rows.append({"shift_px": shift, "median_px": float(np.median(farthest)), "largest_px": max(farthest)})
    return rows
