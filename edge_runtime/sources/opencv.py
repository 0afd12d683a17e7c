"""Cameras and streams through OpenCV: Video4Linux devices, and URLs by FFmpeg."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import cv2
import numpy as np

from edge_runtime.errors import SourceError
from edge_runtime.images import Image
from edge_runtime.sources.options import SourceOptions

# FFmpeg complains on standard error while it reads, in threads of its own. It asks for this once, at its first use.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
# OpenCV's own complaints go by another way, which has moved in 4.12. Holding back the process's standard error would
# do for opening in the foreground, but a source is opened again in the background, while others have something to say.
_SILENT = 0
(cv2.setLogLevel if hasattr(cv2, "setLogLevel") else cv2.utils.logging.setLogLevel)(_SILENT)

# What a camera sends uncompressed over USB 2 in good time.
_UNCOMPRESSED_PX = 640 * 480


class OpenCvCapture:
    """A ``cv2.VideoCapture``, without its exceptions and in RGB."""

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self._capture = capture

    @property
    def opened(self) -> bool:
        """Whether there is anything to read from."""
        return self._capture.isOpened()

    @property
    def frames_per_s(self) -> float:
        """What the file or camera says of its rate; may be nonsense."""
        return float(self._capture.get(cv2.CAP_PROP_FPS))

    def grab(self) -> bool:
        """Take the next picture without decoding it; False when there is none any more."""
        try:
            return bool(self._capture.grab())
        except cv2.error:
            return False

    def image(self) -> Image | None:
        """The picture that was grabbed, RGB uint8 of shape (height, width, 3); None if it cannot be decoded."""
        try:
            got, bgr = self._capture.retrieve()
            if not got or bgr is None or bgr.size == 0:
                return None
            return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        except cv2.error:
            return None

    def close(self) -> None:
        """Let go of it."""
        self._capture.release()


def open_device(device: int | Path, options: SourceOptions) -> OpenCvCapture:
    """Open a Video4Linux camera and ask it for the size and the rate; it may give others.

    Args:
        device: Its number, or the path of its device, which is looked up anew each time.
        options: What is asked for.

    Raises:
        SourceError: It cannot be opened.
    """
    target = device if isinstance(device, int) else str(device.resolve())
    backend = cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY
    capture = cv2.VideoCapture(target, backend)
    if not capture.isOpened():
        raise SourceError("is it plugged in, and may you read it (group video)? siamlite doctor lists the cameras.")
    if options.size_px is not None:
        width, height = options.size_px
        if width * height > _UNCOMPRESSED_PX:
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
    if options.frames_per_s is not None:
        capture.set(cv2.CAP_PROP_FPS, options.frames_per_s)
    return OpenCvCapture(capture)


def open_url(url: str, *, open_s: float, read_s: float) -> OpenCvCapture:
    """Open a network camera (RTSP, or motion JPEG or any other video over HTTP).

    Args:
        url: Where it is.
        open_s: How long FFmpeg may take to connect and to find out what is sent.
        read_s: How long it may take to read a frame.

    Raises:
        SourceError: It cannot be opened.
    """
    limits = {cv2.CAP_PROP_OPEN_TIMEOUT_MSEC: open_s, cv2.CAP_PROP_READ_TIMEOUT_MSEC: read_s}
    words = [number for key, seconds in limits.items() for number in (key, max(1, int(seconds * 1e3)))]
    capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, words)
    if not capture.isOpened():
        raise SourceError("is it reachable, and does it send video?")
    return OpenCvCapture(capture)
