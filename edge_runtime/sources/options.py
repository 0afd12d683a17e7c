"""What can be asked of a source: size, rate, rotation, mirror; and how patient a live one is."""

from __future__ import annotations

import re
from dataclasses import dataclass

import cv2
import numpy as np

from edge_runtime.errors import UsageError
from edge_runtime.images import Image

ROTATIONS = (0, 90, 180, 270)
_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_SIZE = re.compile(r"(\d{1,5})[x×](\d{1,5})", re.ASCII | re.IGNORECASE)
_MIN_SIDE_PX, _MAX_SIDE_PX = 16, 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """What the frames should be like.

    Attributes:
        size_px: Width and height before any rotation. A camera is asked for it; whatever is larger is shrunk to fit,
            with its shape kept, and nothing is enlarged. None: as it comes.
        frames_per_s: A camera is asked for it, and of a live source at most so many frames are kept. Of a video every
            frame is kept, and they are taken to be so far apart. None: as it comes.
        rotation_deg: Degrees clockwise: 0, 90, 180 or 270.
        mirror: Whether left and right change places, after the rotation.
    """

    size_px: tuple[int, int] | None = None
    frames_per_s: float | None = None
    rotation_deg: int = 0
    mirror: bool = False

    def __post_init__(self) -> None:
        """Refuse what no source could give.

        Raises:
            UsageError: A value is out of range.
        """
        if self.size_px is not None and not all(_MIN_SIDE_PX <= side <= _MAX_SIDE_PX for side in self.size_px):
            size = "×".join(map(str, self.size_px))
            raise UsageError(f"a frame has {_MIN_SIDE_PX} to {_MAX_SIDE_PX} px a side, not {size}.")
        if self.frames_per_s is not None and not 0.1 <= self.frames_per_s <= 1000:
            raise UsageError(f"the rate must be 0.1 to 1000 frames a second, not {self.frames_per_s}.")
        if self.rotation_deg not in ROTATIONS:
            raise UsageError(f"the rotation must be one of {ROTATIONS} degrees, not {self.rotation_deg!r}.")

    def apply(self, image_rgb: Image) -> Image:
        """A picture (uint8, any channels) shrunk, turned and mirrored as asked."""
        image = shrunk(image_rgb, self.size_px)
        if self.rotation_deg:
            image = np.asarray(cv2.rotate(image, _TURNS[self.rotation_deg]), dtype=np.uint8)
        return np.asarray(cv2.flip(image, 1), dtype=np.uint8) if self.mirror else image


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePolicy:
    """What counts as trouble in a live source, and how it is met.

    Attributes:
        open_s: How long opening may take.
        stall_s: After how many seconds without a frame it is given up and opened again.
        frozen_s: After how many seconds of the very same picture it is opened again; 0 never.
        black_s: After how many seconds of black it is reported; 0 never.
        patience_s: After how many seconds without a frame iterating over it is an error. None: never, and a source
            that is not there yet is waited for.
        retry_first_s: Pause before the first attempt to open it again; each further pause is twice as long,
        retry_max_s: up to this. A random part of up to half is taken off, so that many devices do not knock at once.
        healthy_s: After how many seconds of good frames the pauses begin anew.
    """

    open_s: float = 10.0
    stall_s: float = 5.0
    frozen_s: float = 10.0
    black_s: float = 5.0
    patience_s: float | None = 10.0
    retry_first_s: float = 0.5
    retry_max_s: float = 30.0
    healthy_s: float = 5.0

    def __post_init__(self) -> None:
        """Refuse a policy that makes no sense.

        Raises:
            UsageError: A time is out of range.
        """
        if not (0 < self.open_s <= 3600 and 0 < self.stall_s <= 3600):
            raise UsageError("opening takes, and a stall lasts, more than 0 and at most 3600 s.")
        if not (self.patience_s is None or 0 < self.patience_s <= 86_400):
            raise UsageError("patience lasts more than 0 and at most 86400 s.")
        if not (0 <= self.frozen_s <= 3600 and 0 <= self.black_s <= 3600 and 0 <= self.healthy_s <= 3600):
            raise UsageError("a picture is frozen, black or healthy after 0 to 3600 s.")
        if not 0 < self.retry_first_s <= self.retry_max_s <= 3600:
            raise UsageError("the pauses between attempts must be above 0 s, rise, and be at most 3600 s.")


def shrunk(image: Image, size_px: tuple[int, int] | None) -> Image:
    """A picture made to fit into a width and height, with its shape kept; smaller ones stay as they are."""
    if size_px is None:
        return image
    height, width = image.shape[:2]
    scale = min(size_px[0] / width, size_px[1] / height)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def parse_size(text: str) -> tuple[int, int]:
    """Width and height from words such as ``640x480``.

    Raises:
        UsageError: It is no such thing.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"a size is WIDTHxHEIGHT in pixels, such as 640x480, not {text!r:.50}.")
    return int(match[1]), int(match[2])
