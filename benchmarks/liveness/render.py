"""A photograph on a surface, seen by a pinhole camera."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.liveness.surfaces import EYES_APART_MM, Surface
from edge_runtime.faces.align import Points
from edge_runtime.images import Image

WIDTH, HEIGHT = 640, 480
# About 56° from side to side: an ordinary webcam.
FOCAL_PX = 600.0
# Steps of Newton's method that find the photograph's pixel under a frame's pixel, and their greatest length.
_STEPS, _STRIDE_PX = 12, 8.0
# The pixel is looked for in every second row and column and interpolated in between: the surfaces are smooth.
_COARSE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """Where a surface is: turned about a pivot, then moved.

    Attributes:
        yaw_deg: To the side.
        pitch_deg: Downwards.
        roll_deg: In the picture.
        x_mm: To the picture's right.
        y_mm: Downwards in the picture.
        distance_mm: From the camera.
    """

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    x_mm: float = 0.0
    y_mm: float = 0.0
    distance_mm: float = 500.0

    def rotation(self) -> npt.NDArray[np.float64]:
        """Matrix of shape (3, 3); x to the right, y down, z to the camera."""
        yaw, pitch, roll = np.radians([self.yaw_deg, self.pitch_deg, self.roll_deg])
        about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
        about_x = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
        about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
        return np.asarray(about_z @ about_x @ about_y)

    def project(self, points_mm: npt.NDArray[np.float64], pivot_mm: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Where points of shape (…, 3) are in the frame, in pixels: shape (…, 2)."""
        moved = (points_mm - pivot_mm) @ self.rotation().T + pivot_mm
        depth = self.distance_mm - moved[..., 2]
        x = FOCAL_PX * (moved[..., 0] + self.x_mm) / depth + WIDTH / 2
        y = FOCAL_PX * (moved[..., 1] + self.y_mm) / depth + HEIGHT / 2
        return np.stack([x, y], axis=-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """A photograph with what is known of the face in it.

    Attributes:
        image_rgb: uint8 of shape (height, width, 3).
        landmarks_px: float32 of shape (4, 2): eyes, nose tip, mouth.
        mm_per_px: Size of its pixels where the eyes are 63 mm apart.
    """

    image_rgb: Image
    landmarks_px: Points

    @property
    def mm_per_px(self) -> float:
        """Size of a pixel where the face is as large as life."""
        return EYES_APART_MM / float(np.linalg.norm(self.landmarks_px[1] - self.landmarks_px[0]))

    @property
    def middle_px(self) -> npt.NDArray[np.float64]:
        """Middle of the landmarks."""
        return np.asarray(self.landmarks_px.mean(axis=0), dtype=np.float64)

    @property
    def landmarks_mm(self) -> Points:
        """The landmarks in millimetres from their middle."""
        return np.asarray((self.landmarks_px - self.middle_px) * self.mm_per_px, dtype=np.float32)


def render(
    photo: Print,
    surface: Surface,
    pose: Pose,
    background: npt.NDArray[np.float32],
    *,
    pivot_mm: tuple[float, float, float] = (0, 0, 0),
    oval: bool = False,
) -> npt.NDArray[np.float32]:
    """One frame, before the camera's faults.

    Args:
        photo: The photograph.
        surface: What it is laid on.
        pose: Where that is.
        background: float32 of shape (480, 640, 3).
        pivot_mm: What it is turned about.
        oval: Whether only an oval around the face is shown, as of a head.
    """
    where = _projected(photo, surface, pose, np.asarray(pivot_mm, dtype=np.float64))
    (x0, y0), (x1, y1) = where.min(axis=(0, 1)), where.max(axis=(0, 1))
    left, top = max(0, int(x0)), max(0, int(y0))
    right, bottom = min(WIDTH, int(x1) + 2), min(HEIGHT, int(y1) + 2)
    frame = background.copy()
    if right - left < 8 or bottom - top < 8:
        return frame
    u, v, inside = _inverse(where, left, top, right, bottom)
    shown = cv2.remap(photo.image_rgb, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    if oval:
        middle, scale = photo.middle_px, photo.mm_per_px
        away = ((u - middle[0]) * scale / 80) ** 2 + ((v - middle[1]) * scale / 110) ** 2
        inside = inside * np.clip((1.0 - away) * 8, 0, 1).astype(np.float32)
    part = frame[top:bottom, left:right]
    part += inside[..., None] * (shown - part)
    return frame


def _projected(
    photo: Print, surface: Surface, pose: Pose, pivot_mm: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """Where each pixel of the photograph comes to lie in the frame; float32 of shape (height, width, 2)."""
    height, width = photo.image_rgb.shape[:2]
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64))
    middle, scale = photo.middle_px, photo.mm_per_px
    points = np.stack(surface((columns - middle[0]) * scale, (rows - middle[1]) * scale), axis=-1)
    return pose.project(points, pivot_mm).astype(np.float32)


def _inverse(
    where: npt.NDArray[np.float32], left: int, top: int, right: int, bottom: int
) -> tuple[npt.NDArray[np.float32], ...]:
    """For each pixel of a part of the frame: the photograph's pixel that is seen there, and whether there is one."""
    height, width = where.shape[:2]
    by_u, by_v = (np.gradient(where, axis=axis).astype(np.float32) for axis in (1, 0))
    x, y = np.meshgrid(
        np.arange(left, right, _COARSE, dtype=np.float32), np.arange(top, bottom, _COARSE, dtype=np.float32)
    )
    u, v = _first_guess(where, x, y)
    for _ in range(_STEPS):
        # Beyond its edge the photograph goes on as it ends, so that its outline is found where it is.
        u_in, v_in = np.clip(u, 0, width - 1), np.clip(v, 0, height - 1)
        at, du, dv = (cv2.remap(field, u_in, v_in, cv2.INTER_LINEAR) for field in (where, by_u, by_v))
        away_x = x - at[..., 0] - (u - u_in) * du[..., 0] - (v - v_in) * dv[..., 0]
        away_y = y - at[..., 1] - (u - u_in) * du[..., 1] - (v - v_in) * dv[..., 1]
        det = du[..., 0] * dv[..., 1] - du[..., 1] * dv[..., 0]
        det = np.where(np.abs(det) < 1e-3, np.float32(1e-3), det)
        u = u + np.clip((away_x * dv[..., 1] - away_y * dv[..., 0]) / det, -_STRIDE_PX, _STRIDE_PX)
        v = v + np.clip((away_y * du[..., 0] - away_x * du[..., 1]) / det, -_STRIDE_PX, _STRIDE_PX)
    # Where the surface hides itself the method finds nothing; there, the background is shown.
    found = (np.hypot(away_x, away_y) < 1).astype(np.float32)
    u, v, found = (_finer(field, right - left, bottom - top) for field in (u, v, found))
    inside = (u > -0.5) & (u < width - 0.5) & (v > -0.5) & (v < height - 0.5) & (found > 0.5)
    return u, v, inside.astype(np.float32)


def _first_guess(
    where: npt.NDArray[np.float32], x: npt.NDArray[np.float32], y: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The photograph's pixels under a frame's, if the surface were flat and far away."""
    height, width = where.shape[:2]
    rows, columns = (values.ravel() for values in np.mgrid[0:height:5, 0:width:5])
    seen = np.column_stack([where[rows, columns], np.ones(len(rows))])
    matrix, *_ = np.linalg.lstsq(seen, np.column_stack([columns, rows]).astype(np.float64), rcond=None)
    guess = np.stack([x, y, np.ones_like(x)], axis=-1) @ matrix
    return guess[..., 0].astype(np.float32), guess[..., 1].astype(np.float32)


def _finer(field: npt.NDArray[np.float32], width: int, height: int) -> npt.NDArray[np.float32]:
    """A field that is known at every second pixel, at every pixel."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.asarray(cv2.remap(field, x / _COARSE, y / _COARSE, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))
