"""A video file as a source: every frame, in order."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from edge_runtime.errors import SourceError
from edge_runtime.sources.frame import Frame, Moment
from edge_runtime.sources.opencv import OpenCvCapture
from edge_runtime.sources.options import SourceOptions


class VideoSource:
    """Every frame of a video file, at its own pace of reading.

    Attributes:
        frames_per_s: How far apart the frames are in stream time.
    """

    live = False
    pictures = False

    def __init__(self, path: Path, options: SourceOptions | None = None) -> None:
        """Open the file.

        Raises:
            SourceError: OpenCV cannot decode it.
        """
        self.name = str(path)
        if not os.path.isfile(path):
            # A pipe would be waited for; a device that is no camera may never end.
            raise SourceError(f"{path} is no file, and no camera that is known. Give a video file.")
        self._options = options or SourceOptions()
        self._capture = OpenCvCapture(cv2.VideoCapture(str(path), cv2.CAP_FFMPEG))
        if not self._capture.opened:
            raise SourceError(f"{path} is not a video that can be decoded. Try another file or format.")
        rate = self._capture.frames_per_s
        own = rate if np.isfinite(rate) and 1 <= rate <= 1000 else 25.0
        self.frames_per_s = self._options.frames_per_s or own

    def __iter__(self) -> Iterator[Frame]:
        """The frames.

        Raises:
            SourceError: There is not one.
        """
        index = 0
        while self._capture.grab() and (image := self._capture.image()) is not None:
            image = self._options.apply(image)
            yield Frame(image_rgb=image, index=index, time_s=index / self.frames_per_s, name=self.name)
            index += 1
        if index == 0:
            raise SourceError(f"{self.name} holds no frame that can be decoded. Try another file or format.")

    def moments(self, tick_s: float = 0.25) -> Iterator[Moment]:
        """The frames: nothing has to be waited for."""
        return iter(self)

    def close(self) -> None:
        """Close the file."""
        self._capture.close()
