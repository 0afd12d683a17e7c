"""Aligned pictures that are kept to be embedded again when the tower changes: only where it was asked for."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from edge_runtime.errors import GalleryError, SiamliteError, UsageError
from edge_runtime.faces.align import AlignmentTemplate, align_face
from edge_runtime.gallery.records import Template
from edge_runtime.images import Image, decode_image, encode_image

_LENGTH = struct.Struct("<I")


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
        """
        fitted = []
        for picture in self.pictures_rgb:
            if picture.shape[0] == size_px and self.aligned_to.points == template.points:
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
    head = json.dumps({"name": aligned_to.name, "points": aligned_to.points}).encode()
    parts = [head, *(encode_image(crop) for crop in crops if crop is not None)]
    return b"".join(_LENGTH.pack(len(part)) + part for part in parts)


def add_crops(packed: bytes, templates: Sequence[Template], aligned_to: AlignmentTemplate) -> bytes:
    """Kept crops with those of more samples behind them, which must be aligned to the same.

    Raises:
        GalleryError: The kept ones cannot be read.
        UsageError: They were aligned to something else.
    """
    kept = unpack_crops(packed)
    if kept.aligned_to.points != aligned_to.points:
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
    parts: list[bytes] = []
    at = 0
    while at + _LENGTH.size <= len(data):
        end = at + _LENGTH.size + _LENGTH.unpack_from(data, at)[0]
        parts.append(data[at + _LENGTH.size : end])
        at = end
    try:
        if at != len(data):
            raise ValueError("cut short")
        head = json.loads(parts[0])
        aligned_to = AlignmentTemplate(
            name=str(head["name"]), points=tuple((float(x), float(y)) for x, y in head["points"])
        )
        pictures = [decode_image(part, name="a kept picture") for part in parts[1:]]
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, SiamliteError) as error:
        raise GalleryError("kept pictures of a person cannot be read: enrol them again.") from error
    return KeptCrops(pictures_rgb=pictures, aligned_to=aligned_to)
