"""Which source is meant by the words of ``--source``."""

from __future__ import annotations

import functools
from pathlib import Path

from edge_runtime.errors import SourceError, UsageError
from edge_runtime.images import is_image_path
from edge_runtime.sources.capture import Opener
from edge_runtime.sources.events import Listener
from edge_runtime.sources.frame import FrameSource
from edge_runtime.sources.live import LiveSource
from edge_runtime.sources.names import ACCEPTED, is_url, picamera_number, video_device, without_password
from edge_runtime.sources.opencv import open_device, open_url
from edge_runtime.sources.options import LivePolicy, SourceOptions
from edge_runtime.sources.picamera import open_picamera
from edge_runtime.sources.pictures import PictureSource
from edge_runtime.sources.video import VideoSource

_GLOB = frozenset("*?[")


def open_source(
    text: str,
    *,
    options: SourceOptions | None = None,
    live: LivePolicy | None = None,
    on_event: Listener | None = None,
) -> FrameSource:
    """Open a source of frames.

    Args:
        text: A camera's number (``0``) or device (``/dev/video0``), one of a Raspberry Pi's own cameras (``picamera``,
            ``picamera:1``), a video file, a picture, a folder or a glob of pictures, or a URL (``rtsp://…``,
            ``http://…``). ``./0`` is a file of that name.
        options: Size, rate, rotation and mirror.
        live: What counts as trouble in a camera or stream, and how it is met.
        on_event: Is told what happens to a camera or stream, on another thread; it is logged too.

    Raises:
        SourceError: It cannot be opened or holds no pictures.
        MissingDependency: The library that it needs is not installed.
        UsageError: It is nothing of the above, or cannot have the options.
    """
    if not text.strip():
        raise UsageError(f"the source is empty. Give {ACCEPTED}.")
    options, live = options or SourceOptions(), live or LivePolicy()
    camera = _camera(text, options, live)
    if camera is not None:
        name, opener = camera
        return LiveSource(opener, name=name, options=options, policy=live, on_event=on_event)
    path = Path(text)
    if path.is_dir() or (path.is_file() and is_image_path(path)):
        return PictureSource(path, options)
    if path.exists():
        return VideoSource(path, options)
    if _GLOB & set(text) and "://" not in text:
        return PictureSource(text, options)
    raise SourceError(f"there is no source {without_password(text)}. Give {ACCEPTED}.")


def _camera(text: str, options: SourceOptions, live: LivePolicy) -> tuple[str, Opener] | None:
    """What a live source is called and how it is opened; None if it is no live source."""
    number = picamera_number(text)
    if number is not None:
        return f"picamera {number}", functools.partial(open_picamera, number, options)
    device = video_device(text)
    if device is not None:
        name = f"camera {device}"
        return name, functools.partial(open_device, device, options)
    if is_url(text):
        # FFmpeg's own limit for a read comes after ours, so that a stall is called a stall.
        opener = functools.partial(open_url, text, open_s=live.open_s, read_s=1.5 * live.stall_s)
        return without_password(text), opener
    return None
