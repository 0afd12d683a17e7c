"""Pictures of every format that is read."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np

from benchmarks.fuzz.contract import Attempt, Wrong
from edge_runtime.images import decode_image


def seeds(folder: Path) -> list[bytes]:
    """Small pictures in every format, some of them with headers that promise too much."""
    picture = np.random.default_rng(0).integers(0, 256, (12, 9, 3), dtype=np.uint8)
    found = []
    for suffix in (".png", ".jpg", ".webp", ".bmp", ".tiff", ".ppm", ".pgm"):
        data = cv2.imencode(suffix, picture[..., 0] if suffix == ".pgm" else picture)[1]
        found.append(bytes(data))
    progressive = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1]
    lossless = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, 101])[1]
    return [*found, bytes(progressive), bytes(lossless), *_promises()]


def _promises() -> list[bytes]:
    """Headers of pictures that would be very large."""
    side = 16_000
    bitmap = (
        b"BM"
        + struct.pack("<IHHI", 60, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0)
    )
    return [b"P5\n16000 16000\n255\n" + bytes(50), b"P6\n16384 16384\n255\n" + bytes(50), bitmap + bytes(50)]


def make(folder: Path) -> Attempt:
    """The bytes of a picture: what is decoded must be one."""

    def attempt(data: bytes) -> None:
        image = decode_image(data, name="case")
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
            raise Wrong(f"no RGB picture: {image.dtype} of {image.shape}")

    return attempt
