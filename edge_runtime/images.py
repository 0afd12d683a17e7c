"""Pictures in and out: RGB uint8 arrays, decoded and encoded by OpenCV."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.commands.quiet import quiet_stderr
from edge_runtime.errors import ImageError
from edge_runtime.files import read_whole, write_bytes

Image: TypeAlias = npt.NDArray[np.uint8]

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
_MAX_SIDE_PX, _MAX_FILE = 16_384, 256 << 20
# A small file can hold a huge picture of one colour. OpenCV refuses it by its header, of whatever format, if it is told
# so before it is loaded (edge_runtime/__init__.py).
_MAX_PIXELS = 1 << 26
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def is_image_path(path: Path) -> bool:
    """Whether a file's name says that it is a picture (hidden files never are)."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def read_image(path: str | Path) -> Image:
    """Decode a picture, turned upright by its EXIF orientation.

    Args:
        path: A file in any format that OpenCV decodes.

    Returns:
        uint8 array of shape (height, width, 3), RGB, 0 to 255. Grey pictures have three equal channels.

    Raises:
        ImageError: The file cannot be read, is empty, truncated or no picture, or is larger than 16384 px a side or
            64 megapixels.
    """
    try:
        data = read_whole(path, most_bytes=_MAX_FILE)
    except OSError as error:
        raise ImageError(f"cannot read the picture {path}: {error.strerror or error}.") from error
    return decode_image(data, name=str(path))


def decode_image(data: bytes, *, name: str) -> Image:
    """Decode the bytes of a picture (see :func:`read_image`); ``name`` is what an error message calls it."""
    # The decoders print their own complaints about damaged files.
    with quiet_stderr():
        return decode_aloud(data, name=name)


def decode_aloud(data: bytes, *, name: str) -> Image:
    """:func:`decode_image` for threads: what the decoders print is not held back, which is for the caller to do.

    Standard error is one for the whole process, so it is held back once around all threads and not by each of them.
    """
    if not data:
        raise ImageError(f"the picture {name} is empty (0 bytes). Copy it again or leave it out.")
    if data[:8] == _PNG_MAGIC and len(data) >= 24:
        # A PNG of a few kilobytes can hold gigabytes of one colour: believe its header before they are unpacked.
        _check_sides(*struct.unpack(">II", data[16:24]), name=name)
        _check_chunks(data, name)
    try:
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        if "CV_IO_MAX_IMAGE" in str(error):
            raise ImageError(f"the picture {name} is larger than {_MAX_PIXELS >> 20} Mpx. Make it smaller.") from None
        bgr = None
    if bgr is None or bgr.size == 0:
        raise ImageError(f"{name} is not a picture that can be decoded. Copy it again or leave it out.")
    _check_sides(bgr.shape[1], bgr.shape[0], name=name)
    # In its place: of a large picture there is room for one.
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=bgr), dtype=np.uint8)


def _check_chunks(data: bytes, name: str) -> None:
    """Refuse a PNG with a chunk that is longer than the file: OpenCV makes room for it before it reads it.

    Raises:
        ImageError: It is cut short, or lies.
    """
    at = len(_PNG_MAGIC)
    while at + 8 <= len(data) and data[at + 4 : at + 8] != b"IEND":
        at += 12 + int.from_bytes(data[at : at + 4], "big")
        if at > len(data):
            raise ImageError(f"the picture {name} is cut short or damaged. Copy it again or leave it out.")


def _check_sides(width: int, height: int, *, name: str) -> None:
    if max(width, height) > _MAX_SIDE_PX or width * height > _MAX_PIXELS:
        raise ImageError(
            f"the picture {name} is {width}×{height} px; at most {_MAX_SIDE_PX} a side, and {_MAX_PIXELS >> 20} Mpx, "
            "are read."
        )


def encode_image(image_rgb: Image, suffix: str = ".png", *, quality: int = 92) -> bytes:
    """Encode an RGB uint8 picture of shape (height, width, 3) as PNG, JPEG or WebP, by suffix.

    Raises:
        ImageError: OpenCV cannot encode it in that format.
    """
    options: list[int] = []
    if suffix in {".jpg", ".jpeg"}:
        options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    elif suffix == ".webp":
        options = [cv2.IMWRITE_WEBP_QUALITY, quality]
    try:
        with quiet_stderr():
            done, data = cv2.imencode(suffix, cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR), options)
    except cv2.error as error:
        raise ImageError(f"cannot encode a picture as {suffix}: {error.err or error}.") from error
    if not done:
        raise ImageError(f"cannot encode a picture as {suffix}.")
    return bytes(data)


def write_image(path: str | Path, image_rgb: Image) -> Path:
    """Write an RGB uint8 picture atomically; its suffix chooses the format.

    Raises:
        ImageError: The format is unknown to OpenCV.
        WriteError: The file cannot be written.
    """
    return write_bytes(path, encode_image(image_rgb, Path(path).suffix.lower()))
