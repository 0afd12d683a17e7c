"""Whether a gallery is the whole of what was written: a seal over the set of its records.

Each record is authenticated by itself, but a record that was taken out, or put back after it was replaced, is as
genuine as any. So the gallery also keeps, encrypted and bound to its header, how many people and templates there are
and the exclusive or of a keyed hash of each record: the set hash MSet-XOR-Hash of Clarke et al. (2003, ASIACRYPT),
which one change updates without reading the others.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field

_SEAL = struct.Struct("<QQQ32s32s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What a gallery says of itself.

    Attributes:
        changes: How often it was changed: it only ever grows.
        people: How many there are.
        templates: How many all of them have.
        root: 32 bytes, the exclusive or of the leaves of all records.
        header: 32 bytes, the SHA-256 of the header, which is not encrypted.
        notes: What else is kept of the gallery as a whole (:mod:`edge_runtime.gallery.calibration`).
    """

    changes: int = 0
    people: int = 0
    templates: int = 0
    root: bytes = field(default=bytes(32), repr=False)
    header: bytes = field(default=bytes(32), repr=False)
    notes: bytes = field(default=b"", repr=False)

    def to_bytes(self) -> bytes:
        """As the bytes that are encrypted."""
        return _SEAL.pack(self.changes, self.people, self.templates, self.root, self.header) + self.notes

    @classmethod
    def from_bytes(cls, data: bytes) -> Seal | None:
        """What :meth:`to_bytes` gave; None of anything else."""
        if len(data) < _SEAL.size:
            return None
        changes, people, templates, root, header = _SEAL.unpack_from(data)
        notes = data[_SEAL.size :]
        return cls(changes=changes, people=people, templates=templates, root=root, header=header, notes=notes)


class SetHash:
    """The exclusive or of leaves, to which leaves are added and from which they are taken, which is the same."""

    def __init__(self, root: bytes = bytes(32)) -> None:
        """Begin with a set.

        Args:
            root: The root of that set; of the empty one if left out.
        """
        self._value = int.from_bytes(root, "big")

    def toggle(self, leaf: bytes) -> None:
        """Add a leaf, or take it away."""
        self._value ^= int.from_bytes(leaf, "big")

    @property
    def root(self) -> bytes:
        """32 bytes."""
        return self._value.to_bytes(32, "big")


def leaf(key: bytes, person: int, alias: bytes, details: bytes, templates: bytes) -> bytes:
    """The keyed hash of a person's row: BLAKE2b (RFC 7693) over its number, its alias and the ends of its records.

    The first and the last bytes of a sealed record are its nonce and its tag, which stand for all of it.

    Returns:
        32 bytes.
    """
    ends = details[:12] + details[-16:] + templates[:12] + templates[-16:]
    return hashlib.blake2b(person.to_bytes(8, "big", signed=True) + alias + ends, key=key, digest_size=32).digest()
