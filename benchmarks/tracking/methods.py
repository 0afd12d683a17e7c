"""Ways of following a face from frame to frame, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import cv2
import numpy as np

from benchmarks.tracking.clips import Clip, landmark_error
from edge_runtime.faces.detect import Detector, Face
from edge_runtime.faces.follow import FollowLimits, follow_face
from edge_runtime.images import Image

Method: TypeAlias = Callable[[Image, Image, Face], Face | None]

AFTER = (1, 5, 10)


def make_methods(default: Detector, short: Detector) -> dict[str, Method]:
    """Each takes the frame before, the frame now and the face in the first, and gives the face in the second."""
    limits = FollowLimits()
    return {
        "detect anew (default detector)": lambda before, now, face: _nearest(default.detect(now), face),
        "short-range detector in a window": lambda before, now, face: _in_window(short, now, face),
        "template matching": _template,
        "optical flow (what the tracker does)": lambda before, now, face: follow_face(before, now, face, limits),
    }


def measure_methods(methods: dict[str, Method], clips: list[Clip]) -> list[dict[str, Any]]:
    """Follow every face for some frames by each method in turn.

    Returns:
        For each method its median and p95 time, the share of steps that lost the face, and the landmark error after
        some frames.
    """
    times: dict[str, list[float]] = {name: [] for name in methods}
    errors: dict[str, dict[int, list[float]]] = {name: {n: [] for n in AFTER} for name in methods}
    lost = dict.fromkeys(methods, 0)
    for clip in clips:
        for start in range(0, len(clip.frames) - max(AFTER), max(AFTER)):
            for name, method in methods.items():
                lost[name] += _follow(method, clip, start, times[name], errors[name])
    return [
        {
            "method": name,
            "median_ms": round(float(np.median(times[name])), 3),
            "p95_ms": round(float(np.percentile(times[name], 95)), 3),
            "steps": len(times[name]),
            "lost": lost[name],
            "error": {str(n): round(float(np.median(values)), 4) for n, values in errors[name].items() if values},
        }
        for name in methods
    ]


def _follow(method: Method, clip: Clip, start: int, times: list[float], errors: dict[int, list[float]]) -> int:
    """Follow one face; whether it was lost."""
    face = clip.faces[start]
    if face is None:
        return 0
    for after in range(1, max(AFTER) + 1):
        began = time.perf_counter()
        found = method(clip.frames[start + after - 1], clip.frames[start + after], face)
        times.append((time.perf_counter() - began) * 1e3)
        if found is None:
            return 1
        face = found
        if after in errors:
            errors[after].append(landmark_error(face, clip.truth_px[start + after]))
    return 0


def _nearest(faces: list[Face], face: Face) -> Face | None:
    middle = np.mean(face.landmarks_px, axis=0)
    return min(faces, key=lambda item: float(np.linalg.norm(np.mean(item.landmarks_px, axis=0) - middle)), default=None)


def _in_window(detector: Detector, now: Image, face: Face) -> Face | None:
    left, top, right, bottom = face.box_px
    room = 0.5 * (right - left)
    x, y = max(0, int(left - room)), max(0, int(top - room))
    window = np.ascontiguousarray(now[y : int(bottom + room), x : int(right + room)])
    shift = np.array([x, y], dtype=np.float32)
    found = [replace(item, landmarks_px=item.landmarks_px + shift) for item in detector.detect(window)]
    found = [replace(item, box_px=_shifted(item.box_px, x, y)) for item in found]
    return _nearest(found, face)


def _template(before: Image, now: Image, face: Face) -> Face | None:
    """The face's grey picture, found again by normalised correlation at half size; scale and turn stay as they are."""
    left, top, right, bottom = (int(value) // 2 * 2 for value in face.box_px)
    height, width = now.shape[:2]
    left, top, right, bottom = max(0, left), max(0, top), min(width, right), min(height, bottom)
    room = (right - left) // 4 * 2
    x, y = max(0, left - room), max(0, top - room)
    x1, y1 = min(width, right + room), min(height, bottom + room)
    pattern, area = _half(before[top:bottom, left:right]), _half(now[y:y1, x:x1])
    if min(pattern.shape) < 8:
        return None
    scores = cv2.matchTemplate(area, pattern, cv2.TM_CCOEFF_NORMED)
    _, best, _, (column, row) = cv2.minMaxLoc(scores)
    if best < 0.7:
        return None
    dx, dy = x + 2 * column - left, y + 2 * row - top
    landmarks = face.landmarks_px + np.array([dx, dy], dtype=np.float32)
    return replace(face, box_px=_shifted(face.box_px, dx, dy), landmarks_px=landmarks)


def _shifted(box: tuple[float, float, float, float], dx: float, dy: float) -> tuple[float, float, float, float]:
    return box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy


def _half(image_rgb: Image) -> Image:
    grey = cv2.cvtColor(image_rgb, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (grey.shape[1] // 2, grey.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)
