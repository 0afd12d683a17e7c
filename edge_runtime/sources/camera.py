"""Where frames come from: a camera, a video file, a folder of pictures, a stream's URL."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from edge_runtime.commands.quiet import quiet_stderr
from edge_runtime.errors import ImageError, SourceError, UsageError
from edge_runtime.images import Image, is_image_path, read_image
from edge_runtime.people import natural_key

_URL = re.compile(r"^(rtsp|rtsps|http|https|udp|tcp)://", re.IGNORECASE)
_DEVICE = re.compile(r"^/dev/video(\d+)$")
# OpenCV takes 200 for camera 0 of another driver.
_MAX_CAMERA = 99

# FFmpeg complains on standard error while it reads, in threads of its own. It asks for this once, at its first use.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One picture of a source.

    Attributes:
        image_rgb: uint8 of shape (height, width, 3).
        index: Its number in the source, from 0.
        time_s: Stream time: of a camera the monotonic clock since opening, of a video its own time, of pictures their
            number in seconds.
        name: What a message calls it.
        photo: Whether it is a photograph of its own, which may be cropped tight.
    """

    image_rgb: Image
    index: int
    time_s: float
    name: str
    photo: bool = False


class FrameSource(Protocol):
    """Anything that yields frames and can be closed.

    Attributes:
        name: What a message calls it.
        live: Whether it goes on by itself (camera, stream) or waits to be read (files).
        pictures: Whether its frames are photographs of their own, not moments of one scene.
    """

    name: str
    live: bool
    pictures: bool

    def __iter__(self) -> Iterator[Frame]:
        """The frames, until the source ends or is closed."""
        ...

    def close(self) -> None:
        """Let go of the camera or the file."""
        ...


def open_source(text: str, *, stall_s: float = 5.0) -> FrameSource:
    """Open a source of frames.

    Args:
        text: A camera's number (``0``) or device (``/dev/video0``), a video file, a picture, a folder of pictures, or a
            URL (``rtsp://…``, ``http://…``).
        stall_s: After how many seconds without a frame a live source is given up.

    Raises:
        SourceError: It cannot be opened or holds no pictures.
        UsageError: It is nothing of the above.
    """
    if not text.strip():
        raise UsageError("the source is empty. Give a camera (0), a video, a picture, a folder of pictures or a URL.")
    device = _DEVICE.match(text)
    digits = device[1] if device else text
    if digits.isascii() and digits.isdigit():
        number = int(digits)
        if number > _MAX_CAMERA:
            raise UsageError(f"there is no camera {digits}: numbers go from 0 to {_MAX_CAMERA}.")
        return LiveSource(number, name=f"camera {number}", stall_s=stall_s)
    if _URL.match(text):
        return LiveSource(text, name=without_password(text), stall_s=stall_s)
    path = Path(text)
    if path.is_dir():
        return PictureSource(path)
    if not path.exists():
        shown = without_password(text)
        raise SourceError(f"there is no source {shown}. Give a camera (0), a video, a picture, a folder or a URL.")
    return PictureSource(path) if is_image_path(path) else VideoSource(path)


def without_password(url: str) -> str:
    """A URL as it may be shown: without user and password, and without the query, where cameras take theirs too.

    What is no URL stays as it is.
    """
    if "://" not in url:
        return url
    # To the last "@", because a password may hold one.
    return re.sub(r"\?.*$", "?…", re.sub(r"://.*@", "://…@", url))


class PictureSource:
    """A picture, or the pictures of a folder in natural order. Pictures that cannot be decoded are counted, not shown.

    Attributes:
        unreadable: Messages of the pictures that could not be decoded, so far.
    """

    live = False
    pictures = True

    def __init__(self, path: Path) -> None:
        """Find the pictures.

        Raises:
            SourceError: There is none.
        """
        self.name = str(path)
        found = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file() and is_image_path(p)]
        self._paths = sorted(found, key=lambda p: natural_key(str(p)))
        self.unreadable: list[str] = []
        if not self._paths:
            raise SourceError(f"there are no pictures in {path}. Give a folder that holds pictures.")

    def __iter__(self) -> Iterator[Frame]:
        """The pictures that can be decoded.

        Raises:
            SourceError: None can.
        """
        self.unreadable.clear()
        shown = 0
        for index, path in enumerate(self._paths):
            try:
                image = read_image(path)
            except ImageError as error:
                self.unreadable.append(str(error))
                continue
            shown += 1
            yield Frame(image_rgb=image, index=index, time_s=float(index), name=str(path), photo=True)
        if not shown:
            more = f" ({len(self.unreadable) - 1} more like it)" if len(self.unreadable) > 1 else ""
            raise SourceError(f"no picture of {self.name} can be used: {self.unreadable[0]}{more}")

    def close(self) -> None:
        """Nothing is held open."""


class VideoSource:
    """Every frame of a video file, at its own pace of reading."""

    live = False
    pictures = False

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            SourceError: OpenCV cannot decode it.
        """
        self.name = str(path)
        self._capture = _open_capture(str(path))
        if not self._capture.isOpened():
            raise SourceError(f"{path} is not a video that can be decoded. Try another file or format.")
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.frames_per_s = float(rate) if np.isfinite(rate) and 1 <= rate <= 1000 else 25.0

    def __iter__(self) -> Iterator[Frame]:
        """The frames.

        Raises:
            SourceError: There is not one.
        """
        index = 0
        while True:
            image = _next_image(self._capture)
            if image is None:
                break
            yield Frame(image_rgb=image, index=index, time_s=index / self.frames_per_s, name=self.name)
            index += 1
        if index == 0:
            raise SourceError(f"{self.name} holds no frame that can be decoded. Try another file or format.")

    def close(self) -> None:
        """Close the file."""
        self._capture.release()


class LiveSource:
    """A camera or stream, read by a thread that keeps only the newest frame, so that a decision is never late."""

    live = True
    pictures = False

    def __init__(self, target: int | str, *, name: str, stall_s: float) -> None:
        """Open it.

        Raises:
            SourceError: It cannot be opened.
        """
        self.name = name
        self._stall_s = stall_s
        self._capture = _open_capture(target, timeout_ms=int(stall_s * 1e3))
        if not self._capture.isOpened():
            camera = "is it plugged in, and may you read it (group video)? siamlite doctor lists the cameras."
            raise SourceError(f"{name} cannot be opened: {camera if isinstance(target, int) else 'is it reachable?'}")
        self._start = time.monotonic()
        self._news = threading.Condition()
        self._newest: Frame | None = None
        self._ended = False
        self._closing = False
        self._thread = threading.Thread(target=self._read, name=f"siamlite {name}", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        index = 0
        while not self._closing:
            image = _next_image(self._capture)
            if image is None:
                break
            frame = Frame(image_rgb=image, index=index, time_s=time.monotonic() - self._start, name=self.name)
            index += 1
            with self._news:
                self._newest = frame
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def __iter__(self) -> Iterator[Frame]:
        """The newest frame each time.

        Raises:
            SourceError: No frame came for ``stall_s`` seconds, or the source ended.
        """
        while True:
            with self._news:
                ready = self._news.wait_for(lambda: self._newest is not None or self._ended, timeout=self._stall_s)
                frame, self._newest = self._newest, None
            if frame is not None:
                yield frame
            elif self._closing:
                return
            elif not ready:
                raise SourceError(f"{self.name} gave no frame for {self._stall_s:g} s. Is it still plugged in?")
            else:
                raise SourceError(f"{self.name} ended. Is it still plugged in and reachable?")

    def close(self) -> None:
        """Stop the thread and let go of the camera."""
        self._closing = True
        self._thread.join(timeout=self._stall_s)
        if not self._thread.is_alive():
            self._capture.release()


def list_cameras() -> list[str]:
    """Devices of this machine that may be cameras."""
    folder = Path("/dev")
    return sorted((str(path) for path in folder.glob("video*")), key=natural_key) if folder.is_dir() else []


def _next_image(capture: cv2.VideoCapture) -> Image | None:
    """The next picture, RGB; None when there is none or it cannot be decoded."""
    try:
        got, bgr = capture.read()
    except cv2.error:
        return None
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8) if got and bgr is not None else None


def _open_capture(target: int | str, *, timeout_ms: int = 5000) -> cv2.VideoCapture:
    """Open without a word on the terminal: OpenCV and FFmpeg print their own complaints."""
    with quiet_stderr():
        if isinstance(target, int):
            return cv2.VideoCapture(target)
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, timeout_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, timeout_ms]
        return cv2.VideoCapture(target, cv2.CAP_FFMPEG, limits)
