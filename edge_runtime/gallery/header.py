"""The one row of a gallery that is not encrypted: which space it belongs to, and how its key is wrapped."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from edge_runtime.commands.printable import printable
from edge_runtime.errors import GalleryError

# How a gallery is locked: by 32 random bytes kept elsewhere, by a passphrase, or not at all.
PROTECTIONS = ("key", "passphrase", "none")
ID_BYTES = 16
_MAX_LENGTH, _MAX_TEXT = 65536, 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """An embedding space.

    Attributes:
        fingerprint: Identifies it (see :func:`edge_runtime.towers.tower.space_fingerprint`).
        embedding_length: d, the length of its embeddings.
        tower: What the tower is called, for people.
    """

    fingerprint: str
    embedding_length: int
    tower: str

    def __post_init__(self) -> None:
        """Refuse what no space can be."""
        if not isinstance(self.embedding_length, int) or not 1 <= self.embedding_length <= _MAX_LENGTH:
            raise GalleryError(f"embeddings have 1 to {_MAX_LENGTH} values, not {self.embedding_length!r:.50}.")
        texts = (self.fingerprint, self.tower)
        # A file that others wrote is shown on terminals: nothing of it may move a cursor.
        if not all(isinstance(text, str) and text.isprintable() and len(text) <= _MAX_TEXT for text in texts):
            raise GalleryError("an embedding space has a fingerprint and a tower, both of them printable text.")

    @classmethod
    def of(cls, tower: TowerLike) -> Space:
        """The space of a loaded tower."""
        name = printable(tower.card.name)[:_MAX_TEXT]
        return cls(fingerprint=tower.fingerprint, embedding_length=tower.embedding_length, tower=name)


class Named(Protocol):
    """A card, as far as a gallery knows it."""

    @property
    def name(self) -> str:
        """What the tower is called."""


class TowerLike(Protocol):
    """A tower, as far as a gallery knows it."""

    @property
    def fingerprint(self) -> str:
        """Fingerprint of its space."""

    @property
    def embedding_length(self) -> int:
        """Length of its embeddings."""

    @property
    def card(self) -> Named:
        """Its card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What can be read without the key; the seal authenticates it (see :mod:`edge_runtime.gallery.wholeness`).

    Attributes:
        gallery_id: 16 random bytes.
        space: The embedding space.
        protection: One of :data:`PROTECTIONS`.
        kdf: How a passphrase becomes a key, as JSON; empty otherwise.
        wrapped_key: The gallery's own key, encrypted; empty if it has none.
    """

    gallery_id: bytes
    space: Space
    protection: str
    kdf: str
    wrapped_key: bytes

    def digest(self) -> bytes:
        """SHA-256 of all of it, for the seal; 32 bytes."""
        values = [self.gallery_id.hex(), asdict(self.space), self.protection, self.kdf, self.wrapped_key.hex()]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).digest()


def read_header(path: Path, connection: sqlite3.Connection) -> tuple[Header, bytes]:
    """The header and the sealed seal.

    Raises:
        GalleryError: There is none, or it holds what no gallery holds.
    """
    rows = connection.execute(
        "SELECT id, fingerprint, embedding_length, tower, protection, kdf, wrapped_key, seal FROM gallery LIMIT 2"
    ).fetchall()
    kinds = (bytes, str, int, str, str, str, bytes, bytes)
    whole = len(rows) == 1 and all(isinstance(value, kind) for value, kind in zip(rows[0], kinds, strict=True))
    # Only a passphrase needs to be stretched; scrypt would take seconds for a key that needs none.
    known = whole and rows[0][4] in PROTECTIONS and bool(rows[0][5]) == (rows[0][4] == "passphrase")
    if not known or len(rows[0][0]) != ID_BYTES:
        raise GalleryError(f"{path} does not say which tower it was enrolled with. Restore it, or enrol again.")
    gallery_id, fingerprint, length, tower, protection, kdf, wrapped, seal = rows[0]
    try:
        space = Space(fingerprint=fingerprint, embedding_length=length, tower=tower)
    except GalleryError as error:
        raise GalleryError(f"{path} is damaged: {error} Restore it from a copy, or enrol again.") from error
    return Header(gallery_id=gallery_id, space=space, protection=protection, kdf=kdf, wrapped_key=wrapped), seal


def write_header(connection: sqlite3.Connection, header: Header, seal: bytes) -> None:
    """Replace the header and the seal."""
    connection.execute("DELETE FROM gallery")
    connection.execute(
        "INSERT INTO gallery VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            header.gallery_id,
            header.space.fingerprint,
            header.space.embedding_length,
            header.space.tower,
            header.protection,
            header.kdf,
            header.wrapped_key,
            seal,
        ),
    )
