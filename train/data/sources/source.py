"""What every source of pictures is: a list of who is on which picture, and a way to read them one after the other."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from edge_runtime.errors import DataError, ImageError
from edge_runtime.faces.align import AlignmentTemplate
from edge_runtime.images import Image

# The bytes of a picture file, RGB pixels, or why there are none.
Content: TypeAlias = bytes | Image | ImageError

# "faces": marked as aligned; "unmarked": aligned crops or photographs, only the user knows; "pictures": no faces.
Kind: TypeAlias = Literal["faces", "unmarked", "pictures"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One picture of a source.

    Attributes:
        person: Who, or what, is on it.
        name: Its name in the source, with forward slashes; it begins with the person and a slash, and is unique.
        half: ``"train"`` or ``"test"`` where the source divides its pictures itself; else None.
    """

    person: str
    name: str
    half: str | None = None


class PictureSource(Protocol):
    """Pictures with the names of who is on them."""

    @property
    def where(self) -> str:
        """What messages call the source."""

    @property
    def kind(self) -> Kind:
        """What the pictures are; only ``"pictures"`` are resized to any size, faces must be square and large enough."""

    @property
    def template(self) -> AlignmentTemplate | None:
        """How the faces are aligned; None where the pictures are no aligned faces."""

    @property
    def entries(self) -> Sequence[Entry]:
        """All pictures."""

    def fingerprint(self) -> str:
        """SHA-256 over names, sizes and times: another one whenever a picture may have changed."""

    def read(self) -> Iterator[tuple[int, Content]]:
        """Each picture once: its position in ``entries`` and its content, in the order that is quickest to read.

        Raises:
            DataError: The source is damaged as a whole.
        """


def fingerprint_of(where: str, lines: Iterable[str]) -> str:
    """SHA-256 over the place of a source and one line for each of its files."""
    digest = hashlib.sha256(where.encode())
    for line in lines:
        digest.update(b"\n" + line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def check_entries(entries: Sequence[Entry], where: str) -> None:
    """Refuse a source without pictures, or with two pictures of one name.

    Raises:
        DataError: It is so.
    """
    if not entries:
        raise DataError(f"no pictures in {where}. It must hold one folder for each person, with the pictures inside.")
    odd = next((entry.name for entry in entries if any("\ud800" <= letter <= "\udfff" for letter in entry.name)), None)
    if odd is not None:
        raise DataError(f"{where} holds the name {odd!r}, which is not UTF-8. Rename the file.")
    name, count = Counter(entry.name for entry in entries).most_common(1)[0]
    if count > 1:
        raise DataError(f"{where} holds {name} {count} times; every picture needs a name of its own. Rename them.")
