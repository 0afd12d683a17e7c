"""Frames with one face whose place is known, and photographs as they were taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.demo.att import PICTURES_EACH
from edge_runtime.faces.align import Points
from edge_runtime.faces.detect import Detector, Face
from edge_runtime.faces.landmarks import LandmarkRefiner
from edge_runtime.images import Image, read_image

SIZES_PX = (60, 80, 110, 150, 200, 280, 400)
FRAMES_PX = ((640, 480), (1280, 720))
# A face's side in distances between the eyes, as BlazeFace draws its boxes.
FACE_SIDE = 2.4
_ENLARGED = 4
_SAME_PLACE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A frame.

    Attributes:
        image_rgb: uint8 of shape (height, width, 3).
        face_px: Side of the face.
        eyes_px: float32 of shape (n, 2, 2): the eyes of each face that is known to be there, left one first.
    """

    image_rgb: Image
    face_px: float
    eyes_px: Points


def refined_eyes(refiner: LandmarkRefiner, image_rgb: Image, faces: list[Face]) -> Points:
    """The middles of the eyes' corners, the mean over what several detectors begin the refining with; (2, 2)."""
    five = np.mean([refiner.refine(image_rgb, face.landmarks_px) for face in faces], axis=0)
    return np.array([five[2:4].mean(axis=0), five[0:2].mean(axis=0)], dtype=np.float32)


def pasted(att: Path, detectors: list[Detector], *, people: int) -> Iterator[Scene]:
    """AT&T faces of every size in frames of both shapes, over a cluttered background.

    Where the eyes are is read off the enlarged picture, by the refiner from the landmarks of all detectors.
    """
    refiner = LandmarkRefiner()
    rng = np.random.default_rng(0)
    for person in range(1, people + 1):
        picture = read_image(att / f"s{person}/{1 + person % PICTURES_EACH}.pgm")
        large = cv2.resize(picture, None, fx=_ENLARGED, fy=_ENLARGED, interpolation=cv2.INTER_CUBIC)
        border = large.shape[1] // 2
        bordered = cv2.copyMakeBorder(large, border, border, border, border, cv2.BORDER_REPLICATE)
        framed = np.asarray(bordered, dtype=np.uint8)
        found = [faces[0] for detector in detectors if (faces := detector.detect(framed))]
        if len(found) < 2:
            continue
        eyes = (refined_eyes(refiner, framed, found) - border + 0.5) / _ENLARGED - 0.5
        for width, height in FRAMES_PX:
            for face_px in SIZES_PX:
                yield _paste(picture, eyes.astype(np.float32), face_px, width, height, rng)


def _paste(picture: Image, eyes: Points, face_px: int, width: int, height: int, rng: np.random.Generator) -> Scene:
    scale = face_px / FACE_SIDE / float(np.linalg.norm(eyes[1] - eyes[0]))
    middle = eyes.mean(axis=0) + np.array([0, 0.6 * face_px / FACE_SIDE / scale])
    spare = np.maximum(np.array([width, height]) - 1.15 * face_px, 0) / 2
    centre = np.array([width, height]) / 2 + rng.uniform(-1, 1, 2) * spare
    turn = rng.uniform(-8, 8)
    matrix = np.asarray(cv2.getRotationMatrix2D((float(middle[0]), float(middle[1])), turn, scale), dtype=np.float64)
    matrix[:, 2] += centre - middle
    # A picture that is made smaller is averaged first, as a lens does.
    blurred = cv2.GaussianBlur(picture, (0, 0), 0.4 / scale) if scale < 0.8 else picture
    face = cv2.warpAffine(blurred, matrix, (width, height), flags=cv2.INTER_CUBIC)
    mask = np.zeros(picture.shape[:2], np.float32)
    mask[2:-2, 4:-4] = 1
    alpha = cv2.warpAffine(cv2.GaussianBlur(mask, (0, 0), 2), matrix, (width, height))[:, :, None]
    image = clutter(width, height, rng) * (1 - alpha) + face * alpha + rng.normal(0, 3, (height, width, 1))
    eyes_px = np.asarray(cv2.transform(eyes[None], matrix), dtype=np.float32)
    return Scene(image_rgb=np.clip(image, 0, 255).astype(np.uint8), face_px=face_px, eyes_px=eyes_px)


def clutter(width: int, height: int, rng: np.random.Generator) -> Image:
    """Noise of many sizes: something for a detector to be wrong about."""
    canvas = np.full((height, width, 3), 115, np.float32)
    for cells in (4, 9, 20, 45):
        noise = rng.normal(0, 22, (cells, cells * width // height, 3)).astype(np.float32)
        canvas += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(canvas, 0, 255).astype(np.uint8)


def photographs(folder: Path, detectors: list[Detector]) -> Iterator[Scene]:
    """Photographs as they were taken: a face that two detectors agree on is one."""
    refiner = LandmarkRefiner()
    for path in sorted(item for item in folder.rglob("*") if item.suffix.lower() in (".jpg", ".jpeg", ".png", ".pgm")):
        image = read_image(path)
        groups: list[list[tuple[int, Face]]] = []
        for at, detector in enumerate(detectors):
            for face in detector.detect(image):
                same = next((group for group in groups if _near(group[0][1], face)), None)
                if same is None:
                    groups.append([(at, face)])
                elif all(at != other for other, _ in same):
                    same.append((at, face))
        sure = [[face for _, face in group] for group in groups if len(group) > 1]
        eyes = [refined_eyes(refiner, image, faces) for faces in sure]
        if eyes:
            stacked = np.stack(eyes)
            side = FACE_SIDE * float(np.linalg.norm(stacked[:, 1] - stacked[:, 0], axis=1).max())
            yield Scene(image_rgb=image, face_px=side, eyes_px=stacked)


def _near(one: Face, other: Face) -> bool:
    away = np.linalg.norm(one.landmarks_px[:2].mean(axis=0) - other.landmarks_px[:2].mean(axis=0))
    return bool(away <= _SAME_PLACE * max(one.interocular_px, other.interocular_px))


def matched(faces: list[Face], scene: Scene) -> list[Face | None]:
    """For each face of the scene the one that was found there, or None."""
    found: list[Face | None] = []
    for eyes in scene.eyes_px:
        reach = _SAME_PLACE * float(np.linalg.norm(eyes[1] - eyes[0]))
        away = [float(np.linalg.norm(face.landmarks_px[:2].mean(axis=0) - eyes.mean(axis=0))) for face in faces]
        best = int(np.argmin(away)) if away else -1
        found.append(faces[best] if away and away[best] <= reach else None)
    return found
