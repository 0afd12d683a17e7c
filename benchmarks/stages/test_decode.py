"""A camera's JPEG to a frame."""

from __future__ import annotations

import pytest

from benchmarks.suite.rounds import Timed
from edge_runtime.images import Image, decode_image, encode_image
from edge_runtime.machine.drawn import drawn_frames

SIZES = ((320, 240), (640, 480), (1280, 720))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_decode(timed: Timed, size: tuple[int, int]) -> None:
    """JPEG bytes to RGB."""
    width, height = size
    data = encode_image(next(drawn_frames(width, height)), ".jpg", quality=85)

    def run() -> Image:
        return decode_image(data, name="frame")

    assert timed(run, what=f"JPEG to a frame of {width}×{height}").shape == (height, width, 3)
