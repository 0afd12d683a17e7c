"""The Raspberry Pi's own cameras, by picamera2, which comes with Raspberry Pi OS."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from edge_runtime.errors import MissingDependency, SourceError
from edge_runtime.images import Image
from edge_runtime.sources.options import SourceOptions

_DEFAULT_SIZE_PX = (640, 480)


class PicameraCapture:
    """A started ``Picamera2``."""

    def __init__(self, camera: Any) -> None:
        """Wrap a camera.

        Args:
            camera: A ``picamera2.Picamera2`` that is configured with a main stream of format BGR888, and started.
        """
        self._camera = camera
        self._grabbed: Image | None = None

    def grab(self) -> bool:
        """Wait for the next picture; False when the camera fails."""
        try:
            # libcamera names formats from the last byte to the first: an array of "BGR888" is in the order RGB.
            self._grabbed = np.asarray(self._camera.capture_array("main"), dtype=np.uint8)[..., :3]
        except (RuntimeError, OSError, ValueError):
            self._grabbed = None
        return self._grabbed is not None

    def image(self) -> Image | None:
        """The picture that was grabbed, RGB uint8 of shape (height, width, 3)."""
        return self._grabbed

    def close(self) -> None:
        """Stop the camera and let go of it."""
        self._camera.stop()
        self._camera.close()


def load_picamera2() -> ModuleType:
    """The library.

    Raises:
        MissingDependency: It is not installed, or cannot run here.
    """
    try:
        import picamera2
    except (ImportError, OSError) as error:
        raise MissingDependency(
            "picamera2 is not installed here, and it is what reads the Raspberry Pi's own cameras. Install it with "
            "sudo apt install python3-picamera2, and make the environment with python3 -m venv --system-site-packages."
        ) from error
    module: ModuleType = picamera2
    return module


def open_picamera(number: int, options: SourceOptions, library: ModuleType | None = None) -> PicameraCapture:
    """Open one of the Raspberry Pi's own cameras.

    Args:
        number: Which, from 0.
        options: The size (640×480 unless asked otherwise) and the rate that it is configured with.
        library: The picamera2 module; imported if None.

    Raises:
        MissingDependency: picamera2 is not installed.
        SourceError: There is no such camera, or it cannot be started.
    """
    cameras = (library or load_picamera2()).Picamera2
    attached = len(cameras.global_camera_info())
    if number >= attached:
        there = f"{attached} {'is' if attached == 1 else 'are'} attached, counted from 0"
        raise SourceError(f"{there}. Look at rpicam-hello --list-cameras.")
    controls = {} if options.frames_per_s is None else {"FrameRate": options.frames_per_s}
    camera: Any = None
    try:
        camera = cameras(number)
        main = {"size": options.size_px or _DEFAULT_SIZE_PX, "format": "BGR888"}
        camera.configure(camera.create_video_configuration(main=main, controls=controls))
        camera.start()
    except (RuntimeError, OSError, ValueError) as error:
        if camera is not None:
            camera.close()
        raise SourceError(f"picamera2 says: {error}. Does another program use it?") from error
    return PicameraCapture(camera)
