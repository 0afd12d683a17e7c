"""From a picture to the tower's own crop: as the device does it, or from a face that was prepared for another frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from edge_runtime.errors import DataError
from edge_runtime.faces.align import AlignmentTemplate, Points, align_face
from edge_runtime.faces.finder import FaceFinder, FoundFace
from edge_runtime.images import Image

NO_FACE, SEVERAL_FACES, UNREADABLE = "no-face", "several-faces", "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a picture gave.

    Attributes:
        reason: Why the device would not compare it, as its decisions have it; ``""`` where it would.
        crop_rgb: The largest face, cut out for the tower, uint8 of shape (size, size, 3); None if no face was found.
        interocular_px: Distance between the eyes in the picture; NaN if that is not known.
        sharpness: As :class:`~edge_runtime.faces.quality.Quality` has it; NaN if not known.
        turn: See :func:`head_turn`; NaN if not known.
    """

    reason: str
    crop_rgb: Image | None = None
    interocular_px: float = float("nan")
    sharpness: float = float("nan")
    turn: float = float("nan")


# Picture in, face out.
Cutter: TypeAlias = Callable[[Image], Taken]


def why_refused(found: list[FoundFace]) -> str:
    """Why the device would not compare what was found in a photograph; ``""`` where it would."""
    if not found:
        return NO_FACE
    if len(found) > 1:
        return SEVERAL_FACES
    return found[0].problem[0] if found[0].problem else ""


def device_cutter(finder: FaceFinder) -> Cutter:
    """Faces found and judged as the device does it, in photographs that may be cropped tight."""

    def take(image_rgb: Image) -> Taken:
        found = finder.find(image_rgb, photo=True)
        if not found:
            return Taken(reason=NO_FACE)
        largest = found[0]
        return Taken(
            reason=why_refused(found),
            crop_rgb=largest.crop_rgb,
            interocular_px=largest.quality.interocular_px,
            sharpness=largest.quality.sharpness,
            turn=head_turn(largest.face.landmarks_px),
        )

    return take


def crop_cutter(finder: FaceFinder, held: AlignmentTemplate) -> Cutter:
    """Prepared faces cut anew for the tower: no detection, only the way from their template to the tower's.

    What the old crops do not show is replicated from their border. Where the tower's template is for refined
    landmarks, these are looked for from where the held template puts the detector's.

    Args:
        finder: With the tower's size and template.
        held: How the faces are aligned now.

    Raises:
        DataError: They are aligned by refined landmarks, of which the tower's own do not lie in known places.
    """
    alike = finder.template.aligns_like(held)
    if held.refiner and not alike:
        raise DataError(
            f"faces aligned to the template {held.name!r} cannot be cut anew for {finder.template.name!r}. "
            "Prepare the photographs for the tower: python -m train prepare RAW --out FACES"
        )

    def take(crop_rgb: Image) -> Taken:
        side = crop_rgb.shape[0]
        if crop_rgb.shape[:2] != (side, side):
            raise DataError(f"prepared faces are square, not {crop_rgb.shape[1]}×{crop_rgb.shape[0]} px.")
        if alike and side == finder.size_px:
            return Taken(reason="", crop_rgb=crop_rgb)
        points = held.pixels(side)
        if finder.refiner is not None and not alike:
            points = finder.refiner.refine(crop_rgb, points)
        return Taken(reason="", crop_rgb=align_face(crop_rgb, points, finder.size_px, finder.template))

    return take


def head_turn(landmarks_px: Points) -> float:
    """How far the nose stands off the middle between the eyes, along their line, as a share of their distance.

    0 in a face seen from the front; it grows as the head turns to either side. It is no angle: noses differ.

    Args:
        landmarks_px: float32 of shape (4, 2): both eyes, nose tip, mouth centre.
    """
    left, right, nose = (np.asarray(point, dtype=np.float64) for point in landmarks_px[:3])
    between = right - left
    return float(abs((nose - (left + right) / 2) @ between) / max(float(between @ between), 1e-9))
