"""What is kept of a person, and the bytes that it becomes before it is encrypted."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import GalleryError, UsageError
from edge_runtime.images import Image

DETAILS, TEMPLATES, CROPS, SEAL = b"d", b"t", b"c", b"s"
_MAX_NAME, _MAX_TAG, _MAX_TAGS, _MAX_NOTES = 100, 50, 50, 2000
_HEAD = struct.Struct("<4sII")
_NAME = struct.Struct("<H")
_MAGIC = b"SLT2"
_QUALITY = 3  # float64 values kept of each template: sharpness, interocular_px, added_at
MAX_TEMPLATES = 10_000
_MAX_TIME = 253_402_300_800
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One enrolled sample of a person. Neither the embedding nor the crop is ever shown.

    Attributes:
        embedding: float32 of shape (d,), of length 1, in the tower's space.
        sharpness: Of the face it came from (see :class:`edge_runtime.faces.quality.Quality`).
        interocular_px: Distance between the eyes of that face in pixels.
        added_at: When, in seconds since 1970; now if None.
        crop_rgb: The aligned crop, uint8 of shape (size, size, 3), RGB; kept only in galleries that were asked to.
    """

    embedding: npt.NDArray[np.float32] = field(repr=False)
    sharpness: float
    interocular_px: float
    added_at: float | None = None
    crop_rgb: Image | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledPerson:
    """A person of the gallery, without their templates.

    Attributes:
        name: Their name.
        templates: How many templates they have.
        enrolled_at: When they were enrolled, in seconds since 1970.
        tags: Words to group people by.
        notes: Free text.
        crops: How many aligned pictures of theirs are kept.
        crops_tag: Ties the record of those pictures to this one, as hexadecimal digits.
    """

    name: str
    templates: int
    enrolled_at: float
    tags: tuple[str, ...] = ()
    notes: str = ""
    crops: int = 0
    crops_tag: str = ""

    def to_bytes(self) -> bytes:
        """As the bytes that are encrypted."""
        name = self.name.encode()
        values = {
            "templates": self.templates,
            "at": self.enrolled_at,
            "tags": self.tags,
            "notes": self.notes,
            "crops": self.crops,
            "crops_tag": self.crops_tag,
        }
        rest = _JSON.encode(values).encode()
        return _NAME.pack(len(name)) + name + rest

    @classmethod
    def from_bytes(cls, data: bytes) -> EnrolledPerson | None:
        """What :meth:`to_bytes` gave; None of anything else."""
        try:
            name = name_in(data)
            if name is None:
                return None
            values = json.loads(data[_NAME.size + _NAME.unpack_from(data)[0] :])
            found = cls(
                name=name,
                templates=int(values["templates"]),
                enrolled_at=float(values["at"]),
                tags=tuple(map(str, values["tags"])),
                notes=str(values["notes"]),
                crops=int(values["crops"]),
                crops_tag=str(values["crops_tag"]),
            )
            return found if found._can_be() else None
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
            return None

    def _can_be(self) -> bool:
        """Whether an enrolment could have written this; a gallery without encryption can be written by others."""
        counts = 1 <= self.templates <= MAX_TEMPLATES and self.crops in (0, self.templates)
        lengths = len(self.tags) <= _MAX_TAGS and max(map(len, self.tags), default=0) <= _MAX_TAG
        shown = (*self.tags, self.notes.replace("\n", ""))
        texts = all(text.isprintable() for text in shown) and len(self.notes) <= _MAX_NOTES
        return counts and lengths and texts and is_moment(self.enrolled_at)


def is_moment(seconds: float) -> bool:
    """Whether it can be a time in seconds since 1970: a number, and before the year 10000."""
    return 0 <= seconds < _MAX_TIME


def name_in(data: bytes) -> str | None:
    """The name alone of what :meth:`EnrolledPerson.to_bytes` gave, which comes first; None of anything else."""
    if len(data) < _NAME.size:
        return None
    end = _NAME.size + _NAME.unpack_from(data)[0]
    try:
        name = data[_NAME.size : end].decode("utf-8")
    except UnicodeDecodeError:
        return None
    # A gallery without encryption can be written by others: nothing of it may move a terminal's cursor.
    return name if end <= len(data) and name.isprintable() and 1 <= len(name) <= _MAX_NAME else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What is kept of each template beside its embedding."""

    sharpness: float
    interocular_px: float
    added_at: float


def qualities_of(templates: Sequence[Template], now: float) -> list[Quality]:
    """What is kept of some samples beside their embeddings; ``now`` is when those were added that do not say when."""
    return [
        Quality(
            sharpness=t.sharpness, interocular_px=t.interocular_px, added_at=now if t.added_at is None else t.added_at
        )
        for t in templates
    ]


def pack_templates(rows: npt.NDArray[np.float32], qualities: Sequence[Quality]) -> bytes:
    """Templates as bytes: a head, three float64 for each, and the embeddings in float32.

    Args:
        rows: float32 of shape (n, d), in the protected space.
        qualities: Of each.
    """
    values = np.array([(q.sharpness, q.interocular_px, q.added_at) for q in qualities], dtype="<f8")
    return _HEAD.pack(_MAGIC, *rows.shape) + values.tobytes() + rows.astype("<f4").tobytes()


def unpack_rows(data: bytes, length: int) -> npt.NDArray[np.float32] | None:
    """The embeddings of :func:`pack_templates`, without a copy; None if the bytes are no templates of that length."""
    if len(data) < _HEAD.size:
        return None
    magic, count, columns = _HEAD.unpack_from(data)
    start = _HEAD.size + 8 * _QUALITY * count
    if (
        magic != _MAGIC
        or columns != length
        or not 1 <= count <= MAX_TEMPLATES
        or len(data) != start + 4 * count * length
    ):
        return None
    return np.frombuffer(data, dtype="<f4", offset=start).reshape(count, length)


def unpack_qualities(data: bytes) -> list[Quality] | None:
    """The qualities of :func:`pack_templates`, of bytes that :func:`unpack_rows` took; None if they are none."""
    count = _HEAD.unpack_from(data)[1]
    values = np.frombuffer(data, dtype="<f8", offset=_HEAD.size, count=_QUALITY * count).reshape(count, _QUALITY)
    if not np.isfinite(values).all() or not all(is_moment(float(at)) for at in values[:, 2]):
        return None
    return [Quality(sharpness=float(s), interocular_px=float(i), added_at=float(t)) for s, i, t in values]


def check_rows(rows: npt.NDArray[np.float32]) -> bool:
    """Whether all rows have length 1, as embeddings have."""
    lengths = np.einsum("ij,ij->i", rows, rows)
    return bool(np.all(np.abs(lengths - 1) < 2e-3))


def stack(templates: Sequence[Template], length: int) -> npt.NDArray[np.float32]:
    """The embeddings of some samples; float32 of shape (n, d).

    Raises:
        UsageError: One is no embedding of the space.
    """
    for template in templates:
        if template.embedding.shape != (length,):
            raise UsageError(f"a template has {length} values and length 1, not {template.embedding.shape}.")
    rows = np.array([template.embedding for template in templates], dtype=np.float32)
    if not check_rows(rows):
        raise UsageError(f"a template has {length} finite values and length 1: one has another length.")
    return rows


def check_count(count: int) -> None:
    """Refuse a number of templates that nobody has.

    Raises:
        UsageError: It is none, or too many.
    """
    if not 1 <= count <= MAX_TEMPLATES:
        raise UsageError(f"a person has 1 to {MAX_TEMPLATES} templates, not {count}.")


def check_name(name: str) -> None:
    """Refuse a name that would be confusing in a list or a log.

    Raises:
        UsageError: It is empty, too long, or holds control characters.
    """
    if not name.strip() or name != name.strip() or len(name) > _MAX_NAME or not name.isprintable():
        raise UsageError(f"a name is 1 to {_MAX_NAME} printable characters without blanks around it, not {name!r}.")


def check_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Tags in order, each once.

    Raises:
        UsageError: One is empty, too long or not printable, or there are too many.
    """
    for tag in tags:
        if not tag.strip() or tag != tag.strip() or len(tag) > _MAX_TAG or not tag.isprintable():
            raise UsageError(f"a tag is 1 to {_MAX_TAG} printable characters without blanks around it, not {tag!r}.")
    if len(set(tags)) > _MAX_TAGS:
        raise UsageError(f"a person has at most {_MAX_TAGS} tags.")
    return tuple(sorted(set(tags)))


def check_notes(notes: str) -> str:
    """Notes as they are kept.

    Raises:
        UsageError: They are too long, or hold control characters other than line ends.
    """
    if len(notes) > _MAX_NOTES or not notes.replace("\n", "").isprintable():
        raise UsageError(f"notes are at most {_MAX_NOTES} printable characters.")
    return notes


def damaged(path: object, what: str) -> GalleryError:
    """The error for a record that is not what was written."""
    return GalleryError(
        f"{path} is damaged, or was changed by something else: {what}. Nothing of it is used. "
        "Restore it from a copy, or enrol again."
    )
