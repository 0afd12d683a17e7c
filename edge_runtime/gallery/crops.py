"""Aligned pictures that are kept to be embedded again when the tower changes: only where it was asked for."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from edge_runtime.errors import GalleryError, SiamliteError, UsageError
from edge_runtime.faces.align import AlignmentTemplate, align_face, template_from_values, template_values
from edge_runtime.gallery.records import MAX_TEMPLATES, Template
from edge_runtime.images import Image, decode_image, encode_image

_LENGTH = struct.Struct("<I")
# The begin of every PNG, with its width and height; no tower takes crops that are nearly as large.
_PNG = re.compile(rb"\x89PNG\r\n\x1a\n\0\0\0\rIHDR(.{4})(.{4})", re.DOTALL)
_MAX_SIDE_PX = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCrops:
    """The kept pictures of one person.

    Attributes:
        pictures_rgb: uint8 crops of shape (size, size, 3), RGB, in the order of the templates.
        aligned_to: What they were aligned to.
    """

    pictures_rgb: list[Image] = field(repr=False)
    aligned_to: AlignmentTemplate

    def fitted(self, size_px: int, template: AlignmentTemplate) -> list[Image]:
        """The crops as a tower with another size or alignment takes them.

        The landmarks of an aligned crop lie where its alignment put them, so that another alignment is one more warp.

        Raises:
            GalleryError: The other alignment is by other landmarks.
        """
        if self.aligned_to.refiner != template.refiner:
            raise GalleryError(
                f"the kept pictures are aligned to {self.aligned_to.name}, and from them nobody knows the landmarks of "
                f"{template.name}. Enrol the people again with the new tower."
            )
        fitted = []
        for picture in self.pictures_rgb:
            if picture.shape[0] == size_px and self.aligned_to.geometry == template.geometry:
                fitted.append(picture)
            else:
                fitted.append(align_face(picture, self.aligned_to.pixels(picture.shape[0]), size_px, template))
        return fitted


def pack_crops(templates: Sequence[Template], aligned_to: AlignmentTemplate) -> bytes:
    """The crops of some samples as bytes: what they were aligned to, and PNGs, each after its length.

    Args:
        templates: All of them with a crop.
        aligned_to: The alignment.
    """
    crops = [template.crop_rgb for template in templates]
    head = json.dumps(template_values(aligned_to)).encode()
    parts = [head, *(encode_image(crop) for crop in crops if crop is not None)]
    return b"".join(_LENGTH.pack(len(part)) + part for part in parts)


def add_crops(packed: bytes, templates: Sequence[Template], aligned_to: AlignmentTemplate) -> bytes:
    """Kept crops with those of more samples behind them, which must be aligned to the same.

    Raises:
        GalleryError: The kept ones cannot be read.
        UsageError: They were aligned to something else.
    """
    kept = unpack_crops(packed)
    if kept.aligned_to.geometry != aligned_to.geometry:
        raise UsageError(
            f"the kept pictures are aligned to {kept.aligned_to.name}, not to {aligned_to.name}. Enrol the person anew."
        )
    crops = [template.crop_rgb for template in templates]
    more = [encode_image(crop) for crop in crops if crop is not None]
    return packed + b"".join(_LENGTH.pack(len(part)) + part for part in more)


def unpack_crops(data: bytes) -> KeptCrops:
    """What :func:`pack_crops` was given.

    Raises:
        GalleryError: The bytes are something else.
    """
    aligned_to, pictures = _parts(data)
    return KeptCrops(pictures_rgb=[_decoded(part) for part in pictures], aligned_to=aligned_to)


def count_crops(data: bytes) -> int:
    """How many pictures there are in what :func:`pack_crops` gave; all of them are looked at, one at a time.

    Raises:
        GalleryError: The bytes are something else.
    """
    _, pictures = _parts(data)
    for part in pictures:
        _decoded(part)
    return len(pictures)


def _parts(data: bytes) -> tuple[AlignmentTemplate, list[bytes]]:
    """What the pictures are aligned to, and each of them, still encoded."""
    parts: list[bytes] = []
    at = 0
    while at + _LENGTH.size <= len(data) and len(parts) <= MAX_TEMPLATES:
        end = at + _LENGTH.size + _LENGTH.unpack_from(data, at)[0]
        parts.append(data[at + _LENGTH.size : end])
        at = end
    try:
        if at != len(data):
            raise ValueError("cut short")
        return template_from_values(json.loads(parts[0])), parts[1:]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, SiamliteError) as error:
        raise _unreadable() from error


def _decoded(part: bytes) -> Image:
    """A kept picture. A small file can hold a large one, so its header is read before it is decoded.

    Raises:
        GalleryError: It is no crop.
    """
    sides = _PNG.match(part)
    if sides is None or not 0 < int.from_bytes(sides[1], "big") == int.from_bytes(sides[2], "big") <= _MAX_SIDE_PX:
        raise _unreadable()
    try:
        return decode_image(part, name="a kept picture")
    except SiamliteError as error:
        raise _unreadable() from error


def _unreadable() -> GalleryError:
    return GalleryError("kept pictures of a person cannot be read: enrol them again.")
