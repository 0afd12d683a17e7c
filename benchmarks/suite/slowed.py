"""A pytest plugin (``-p benchmarks.suite.slowed``) that makes two hot paths slower, to see whether that is noticed.

Each does what a careless change does: it copies what it has. Nothing of siamlite knows of it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

import edge_runtime.gallery.match as match
import edge_runtime.images as images
from edge_runtime.gallery.match import Enrolled
from edge_runtime.images import Image

# What is slower with it; everything else must not be found slower.
SLOWED = ("decode[", "match[")
_COPIES = 4


def slow_down() -> None:
    """Put copies into decoding (of the frame) and into matching (of all templates)."""
    similarities, decode = match.person_similarities, images.decode_image

    def slow_similarities(probe: npt.NDArray[np.float32], enrolled: Enrolled) -> npt.NDArray[np.float32]:
        return similarities(probe, replace(enrolled, matrix=enrolled.matrix.copy()))

    def slow_decode(data: bytes, *, name: str) -> Image:
        image = decode(data, name=name)
        for _ in range(_COPIES):
            image = image.copy()
        return image

    match.person_similarities, images.decode_image = slow_similarities, slow_decode


def pytest_configure() -> None:
    """Slow down before the suites are loaded, which take these names for themselves."""
    slow_down()
