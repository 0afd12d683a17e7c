"""One encrypted, authenticated file, written and read in parts: a head that says how, and sealed chunks.

The chunks are encrypted by AES-256-GCM in the STREAM construction (Hoang, Reyhanitabar, Rogaway and Vizár 2015,
CRYPTO): the nonce holds the chunk's number and whether it is the last, so that chunks cannot be left out, repeated,
moved or cut off. The whole head is bound to each of them.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from edge_runtime.errors import DataError, GalleryError
from edge_runtime.gallery.keys import Secret
from edge_runtime.gallery.wrapping import aes_gcm, invalid_tag, new_kdf, wrapping_key

MAGIC = b"siamlite gallery export 1\n"
_LENGTH = struct.Struct("<I")
_PREFIX_BYTES = 7
_MAX_HEAD, MAX_CHUNK = 1 << 16, 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What can be read of such a file without its key.

    Attributes:
        protection: ``"key"`` or ``"passphrase"``.
        kdf: How a passphrase becomes a key, as JSON; empty for a key.
        salt: 16 random bytes, so that the same key makes another one for each file.
        prefix: Seven random bytes that begin each nonce.
        values: What else the writer put there.
    """

    protection: str
    kdf: str
    salt: bytes
    prefix: bytes
    values: dict[str, Any]

    def to_bytes(self) -> bytes:
        """As it stands in the file, after the magic and its length."""
        return json.dumps(
            {
                "protection": self.protection,
                "kdf": self.kdf,
                "salt": self.salt.hex(),
                "prefix": self.prefix.hex(),
                "values": self.values,
            },
            sort_keys=True,
        ).encode()


def new_head(protection: str, values: dict[str, Any]) -> Head:
    """A head with a new salt."""
    return Head(
        protection=protection,
        kdf=new_kdf(protection),
        salt=secrets.token_bytes(16),
        prefix=secrets.token_bytes(_PREFIX_BYTES),
        values=values,
    )


def encrypted(head: Head, secret: Secret, chunks: Iterable[bytes], path: Path) -> Iterator[bytes]:
    """The parts of the file, in order.

    Args:
        head: The head.
        secret: What it is locked with.
        chunks: Up to 64 MiB each; at least one.
        path: The file, for messages.

    Raises:
        DataError: A chunk is too large.
        MissingDependency: The ``cryptography`` package is not installed.
    """
    cipher = aes_gcm(wrapping_key(secret, head.kdf, head.salt, path))
    data = head.to_bytes()
    bound = hashlib.sha256(MAGIC + data).digest()
    yield MAGIC + _LENGTH.pack(len(data)) + data

    def sealed(number: int, plain: bytes, last: bool) -> bytes:
        if len(plain) > MAX_CHUNK - 16:
            raise DataError(f"a person's records take {len(plain) >> 20} MiB; a file takes {MAX_CHUNK >> 20} MiB each.")
        secret_part = cipher.encrypt(_nonce(head.prefix, number, last), plain, bound)
        return _LENGTH.pack(len(secret_part)) + secret_part

    held: bytes | None = None
    number = 0
    for chunk in chunks:
        if held is not None:
            yield sealed(number, held, False)
            number += 1
        held = chunk
    yield sealed(number, held or b"", True)


def read_head(stream: BinaryIO, path: Path) -> Head:
    """The head of a file; the stream is left behind it.

    Raises:
        GalleryError: It is no such file.
    """
    head = _read_head(stream)
    if head is None:
        raise GalleryError(f"{path} is no file that siamlite gallery export wrote, or it is damaged.")
    return head


def decrypted(head: Head, secret: Secret, stream: BinaryIO, path: Path) -> Iterator[bytes]:
    """The chunks of a file. Nothing of them may be used before the last one has come.

    Args:
        head: What :func:`read_head` gave.
        secret: What the file is locked with.
        stream: The file, behind its head.
        path: Its name, for messages.

    Raises:
        GalleryError: The secret is another one, or the file was changed, cut, or goes on after its end.
        MissingDependency: The ``cryptography`` package is not installed.
    """
    cipher = aes_gcm(wrapping_key(secret, head.kdf, head.salt, path))
    bound = hashlib.sha256(MAGIC + head.to_bytes()).digest()
    number, last = 0, False
    while not last:
        sealed = _chunk(stream)
        if sealed is None:
            raise GalleryError(f"{path} is cut short or damaged. Nothing of it was used; export it again.")
        last = stream.read(1) == b""
        if not last:
            stream.seek(-1, 1)
        try:
            yield cipher.decrypt(_nonce(head.prefix, number, last), sealed, bound)
        except invalid_tag():
            raise GalleryError(
                f"the {head.protection} from {secret.where} does not open {path}, or the file is damaged. "
                "Nothing of it was used."
            ) from None
        number += 1


def _nonce(prefix: bytes, number: int, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([last])


def _chunk(stream: BinaryIO) -> bytes | None:
    data = stream.read(_LENGTH.size)
    if len(data) != _LENGTH.size:
        return None
    length = _LENGTH.unpack(data)[0]
    if not 16 <= length <= MAX_CHUNK:
        return None
    sealed = stream.read(length)
    return sealed if len(sealed) == length else None


def _read_head(stream: BinaryIO) -> Head | None:
    if stream.read(len(MAGIC)) != MAGIC:
        return None
    size = stream.read(_LENGTH.size)
    if len(size) != _LENGTH.size or _LENGTH.unpack(size)[0] > _MAX_HEAD:
        return None
    data = stream.read(_LENGTH.unpack(size)[0])
    try:
        given = json.loads(data)
        head = Head(
            protection=given["protection"],
            kdf=given["kdf"],
            salt=bytes.fromhex(given["salt"]),
            prefix=bytes.fromhex(given["prefix"]),
            values=dict(given["values"]),
        )
        again = head.to_bytes()
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    whole = isinstance(head.kdf, str) and len(head.salt) == 16 and len(head.prefix) == _PREFIX_BYTES
    known = head.protection in ("key", "passphrase") and bool(head.kdf) == (head.protection == "passphrase")
    return head if whole and known and again == data else None
