"""Are faces found where they should be: in uncropped photographs, and in camera frames with a face of known size."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from benchmarks.towers.acquire import UNREADABLE, why_refused
from edge_runtime.errors import DataError, ImageError
from edge_runtime.faces.finder import FaceFinder, FoundFace
from edge_runtime.images import Image, read_image
from edge_runtime.people import pictures_below

WIDTH, HEIGHT = 640, 480
# Heights of the pasted picture; the face takes most of it.
HEIGHTS_PX = (48, 64, 80, 112, 160, 224, 320, 448)
_GREY = 127


def measure_photos(folder: Path, finder: FaceFinder) -> dict[str, Any]:
    """Find the faces of photographs with one or more people on them.

    Args:
        folder: The photographs, in any depth.
        finder: With the tower's size and template.

    Raises:
        DataError: There is none.
    """
    paths = pictures_below(folder)
    if not paths:
        raise DataError(f"no pictures in {folder}. Give --photos a folder of photographs.")
    single: Counter[str] = Counter()
    faces, good, usable = 0, 0, 0
    for path in tqdm(paths, desc="photographs", unit="picture", disable=None):
        try:
            found = finder.find(read_image(path), photo=True)
        except ImageError:
            single[UNREADABLE] += 1
            continue
        single[why_refused(found)] += 1
        faces += len(found)
        fit = sum(face.problem is None for face in found)
        good, usable = good + fit, usable + (fit > 0)
    return {
        "folder": folder.name,
        "photographs": len(paths),
        "with_a_face": len(paths) - single["no-face"] - single[UNREADABLE],
        "with_a_usable_face": usable,
        "faces": faces,
        "usable_faces": good,
        "as_one_person": dict(sorted(single.items())),
    }


def measure_frames(paths: tuple[Path, ...], finder: FaceFinder, *, seed: int = 0) -> list[dict[str, Any]]:
    """Paste pictures of faces into grey frames of 640×480, at several sizes and at random places.

    Args:
        paths: Pictures with one face each.
        finder: With the tower's size and template.
        seed: Of the places.
    """
    pictures = [read_image(path) for path in paths]
    rng = np.random.default_rng(seed)
    rows = []
    for height in tqdm(HEIGHTS_PX, desc="frames", unit="size", disable=None):
        found, taken, between = 0, 0, list[float]()
        for picture in pictures:
            frame, box = paste(picture, height, rng)
            faces = finder.find(frame)
            inside = [face for face in faces if _lies_in(face, box)]
            found += bool(inside)
            taken += bool(inside) and why_refused(faces) == ""
            between += [face.quality.interocular_px for face in inside[:1]]
        rows.append(
            {
                "height_px": height,
                "frames": len(pictures),
                "found": found,
                "acquired": taken,
                "interocular_px": float(np.median(between)) if between else None,
            }
        )
    return rows


def paste(picture: Image, height_px: int, rng: np.random.Generator) -> tuple[Image, tuple[int, int, int, int]]:
    """A grey frame with a picture in it, and where: left, top, right, bottom.

    Args:
        picture: uint8 of shape (height, width, 3).
        height_px: The picture is brought to this height, and to at most the frame's width.
        rng: Chooses the place.
    """
    scale = min(height_px / picture.shape[0], WIDTH / picture.shape[1])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    scaled = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, top = int(rng.integers(0, WIDTH - size[0] + 1)), int(rng.integers(0, HEIGHT - size[1] + 1))
    frame = np.full((HEIGHT, WIDTH, 3), _GREY, dtype=np.uint8)
    frame[top : top + size[1], left : left + size[0]] = scaled
    return frame, (left, top, left + size[0], top + size[1])


def _lies_in(found: FoundFace, box: tuple[int, int, int, int]) -> bool:
    left, top, right, bottom = found.face.box_px
    return box[0] <= (left + right) / 2 <= box[2] and box[1] <= (top + bottom) / 2 <= box[3]
