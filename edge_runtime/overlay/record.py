"""The drawn frames as a video that plays as fast as they came."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from edge_runtime.commands.quiet import quiet_stderr
from edge_runtime.errors import UsageError, WriteError
from edge_runtime.files import refuse_overwrite
from edge_runtime.images import Image

# What every OpenCV can write.
_CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
# A gap in the stream is shown as a still picture, but not for longer than this.
_MAX_STILL_S = 10.0


class Recorder:
    """Writes frames to a video file, which is there under its name when the recorder is closed.

    A frame is repeated or left out so that the video takes as long as the stream did.
    """

    def __init__(self, path: Path, *, frames_per_s: float = 15.0, force: bool = False) -> None:
        """Prepare a video; nothing is written before the first frame.

        Args:
            path: The file; its suffix says the format.
            frames_per_s: Of the video.
            force: Replace the file if it is there.

        Raises:
            UsageError: The suffix is no format that is written here, or the file is there.
        """
        if path.suffix.lower() not in _CODECS:
            raise UsageError(
                f"a video is written as {' or '.join(_CODECS)}, not as {path.suffix or 'a file without suffix'}."
            )
        refuse_overwrite(path, force=force)
        self.path = path
        self._rate = frames_per_s
        self._part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._start_s = 0.0
        self._written = 0
        self._last: Image | None = None

    def add(self, image_rgb: Image, time_s: float) -> None:
        """Add a frame.

        Args:
            image_rgb: uint8 of shape (height, width, 3); brought to the size of the first one.
            time_s: Stream time.

        Raises:
            WriteError: The video cannot be written.
        """
        if self._writer is None:
            self._open(image_rgb, time_s)
        due = round((time_s - self._start_s) * self._rate)
        if due < self._written - 1:
            # The stream's clock went back: the video goes on from here.
            self._start_s = time_s - self._written / self._rate
            due = self._written
        if due - self._written > _MAX_STILL_S * self._rate:
            self._start_s += (due - self._written) / self._rate - _MAX_STILL_S
            due = self._written + round(_MAX_STILL_S * self._rate)
        while self._last is not None and self._written < due:
            self._put(self._last)
        self._last = self._fitted(image_rgb)
        if self._written <= due:
            self._put(self._last)

    def close(self) -> Path | None:
        """End the video.

        Returns:
            The file; None if there was no frame.

        Raises:
            WriteError: The video could not be written; nothing is left of it.
        """
        if self._writer is None:
            return None
        with quiet_stderr():
            self._writer.release()
            self._writer = None
            # OpenCV does not tell that a disk is full: what cannot be read again was not written.
            check = cv2.VideoCapture(str(self._part))
            whole = check.isOpened() and check.read()[0]
            check.release()
        try:
            if not whole:
                raise WriteError(f"cannot write the video {self.path}: is the disk full?")
            with open(self._part, "rb") as stream:
                os.fsync(stream.fileno())
            os.replace(self._part, self.path)
        except OSError as error:
            raise WriteError(f"cannot write the video {self.path}: {error.strerror or error}.") from error
        finally:
            self._part.unlink(missing_ok=True)
        return self.path

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the video, however it came to that: what was seen before a fault is worth keeping."""
        self.close()

    def _open(self, image_rgb: Image, time_s: float) -> None:
        # Most formats store colours for two by two pixels.
        self._size = (image_rgb.shape[1] // 2 * 2, image_rgb.shape[0] // 2 * 2)
        self._start_s = time_s
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WriteError(f"cannot write the video {self.path}: {error.strerror or error}.") from error
        with quiet_stderr():
            code = cv2.VideoWriter.fourcc(*_CODECS[self.path.suffix.lower()])
            writer = cv2.VideoWriter(str(self._part), code, self._rate, self._size)
        if not writer.isOpened():
            writer.release()
            self._part.unlink(missing_ok=True)
            raise WriteError(f"cannot write the video {self.path}: may you write there, and has OpenCV its codec?")
        self._writer = writer

    def _put(self, image_bgr: Image) -> None:
        if self._writer is not None:
            self._writer.write(image_bgr)
            self._written += 1

    def _fitted(self, image_rgb: Image) -> Image:
        """The frame in BGR at the video's size, with black bars where its proportions are others."""
        bgr = np.asarray(cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR), dtype=np.uint8)
        width, height = self._size
        if (bgr.shape[1] // 2 * 2, bgr.shape[0] // 2 * 2) == self._size:
            return bgr[:height, :width]
        scale = min(width / bgr.shape[1], height / bgr.shape[0])
        small = cv2.resize(bgr, (max(1, int(bgr.shape[1] * scale)), max(1, int(bgr.shape[0] * scale))))
        canvas = np.zeros((height, width, 3), np.uint8)
        left, top = (width - small.shape[1]) // 2, (height - small.shape[0]) // 2
        canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
        return canvas
