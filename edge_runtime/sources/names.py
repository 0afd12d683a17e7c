"""What the words of ``--source`` mean, and how they may be shown."""

from __future__ import annotations

import re
from pathlib import Path

from edge_runtime.errors import UsageError
from edge_runtime.people import natural_key

ACCEPTED = "a camera (0, /dev/video0, picamera), a video, a picture, a folder or glob of pictures, or a URL"

_URL = re.compile(r"^(rtsp|rtsps|http|https|udp|tcp)://", re.IGNORECASE)
_VIDEO_DEVICE = re.compile(r"^/dev/video([0-9]+)$")
_PICAMERA = re.compile(r"^picamera(?::([0-9]+))?$")
# OpenCV takes 200 for camera 0 of another driver.
_MAX_CAMERA = 99


def is_url(text: str) -> bool:
    """Whether it is the URL of a stream."""
    return _URL.match(text) is not None


def picamera_number(text: str) -> int | None:
    """Which of the Raspberry Pi's own cameras is meant by ``picamera`` or ``picamera:1``; None if none is.

    Raises:
        UsageError: No machine has so many.
    """
    match = _PICAMERA.match(text)
    return None if match is None else _camera_number(match[1] or "0")


def video_device(text: str) -> int | Path | None:
    """Which Video4Linux camera is meant, by number or by the path of its device; None if none is.

    ``/dev/video3`` is camera 3. Other paths below ``/dev``, such as those of ``/dev/v4l/by-id``, stay paths: they
    lead to the same camera when it comes back under another number.

    Raises:
        UsageError: There is no camera with such a number.
    """
    device = _VIDEO_DEVICE.match(text)
    digits = device[1] if device else text
    if digits.isascii() and digits.isdigit():
        return _camera_number(digits)
    path = Path(text)
    return path if text.startswith("/dev/") and not path.is_dir() and not path.is_file() else None


def _camera_number(digits: str) -> int:
    number = int(digits) if len(digits) < 10 else _MAX_CAMERA + 1
    if number > _MAX_CAMERA:
        raise UsageError(f"there is no camera {digits:.20}: numbers go from 0 to {_MAX_CAMERA}.")
    return number


def without_password(url: str) -> str:
    """A URL as it may be shown: without user and password, and without the query, where cameras take theirs too.

    What is no URL stays as it is.
    """
    if "://" not in url:
        return url
    # To the last "@", because a password may hold one.
    return re.sub(r"\?.*$", "?…", re.sub(r"://.*@", "://…@", url))


def list_cameras() -> list[str]:
    """Devices of this machine that may be cameras."""
    folder = Path("/dev")
    return sorted((str(path) for path in folder.glob("video*")), key=natural_key) if folder.is_dir() else []
