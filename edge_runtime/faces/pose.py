"""Roughly how a head is turned, from four landmarks."""

from __future__ import annotations

import math
from typing import NamedTuple

from edge_runtime.faces.align import Points

# How far the nose tip stands before the plane of eyes and mouth, in distances between the eyes (about 63 mm); where it
# is between eyes and mouth, and how far these are apart, in the alignment template, which looks straight at the camera.
_NOSE_DEPTH = 0.45
_NOSE_AT = 0.495
_EYES_TO_MOUTH = 1.155


class Pose(NamedTuple):
    """Angles in degrees, right to some ten degrees: enough to ask for another look, not to measure a head.

    Attributes:
        yaw_deg: Turned to the picture's right (positive) or left.
        pitch_deg: Looking down (positive) or up.
        roll_deg: Tilted clockwise (positive) or counter-clockwise in the picture; alignment takes it out.
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float


def head_pose(landmarks_px: Points) -> Pose:
    """Angles of a head from how far its nose stands off the middle of eyes and mouth.

    The nose tip lies before the plane of eyes and mouth: turning the head moves it sideways by its depth times the
    sine of the angle, while the distance between the eyes shrinks with the cosine (weak perspective).

    Args:
        landmarks_px: float32 of shape (4, 2): eye at the picture's left, eye at its right, nose tip, mouth centre.
    """
    (left, right, nose, mouth) = (complex(float(x), float(y)) for x, y in landmarks_px)
    eyes = right - left
    if abs(eyes) < 1e-6:
        return Pose(90.0, 0.0, 0.0)
    # Everything in distances between the eyes, with the line through them level.
    to_nose, to_mouth = (nose - (left + right) / 2) / eyes, (mouth - (left + right) / 2) / eyes
    down = max(abs(to_mouth), 1e-6)
    along = (to_nose * to_mouth.conjugate()).real / down**2
    return Pose(
        yaw_deg=math.degrees(math.atan(to_nose.real / _NOSE_DEPTH)),
        pitch_deg=math.degrees(math.atan((along - _NOSE_AT) * _EYES_TO_MOUTH / _NOSE_DEPTH)),
        roll_deg=math.degrees(math.atan2(eyes.imag, eyes.real)),
    )
