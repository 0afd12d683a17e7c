"""Records sealed and opened: encrypted with the gallery's key, and bound to the place that they belong to."""

from __future__ import annotations

import functools
import hashlib
import hmac
import secrets
from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path

from edge_runtime.errors import GalleryError
from edge_runtime.gallery.header import ID_BYTES, Header, Space
from edge_runtime.gallery.keys import KEY_BYTES, Access
from edge_runtime.gallery.protection import UNROTATED, Rotation, rotation_from_seed
from edge_runtime.gallery.wholeness import leaf
from edge_runtime.gallery.wrapping import TAG_BYTES, aes_gcm, decrypt, derive, encrypt, new_kdf, wrapping_key

ALIAS_BYTES = 16
_WRAPPED = b"siamlite gallery key"


class Sealer(ABC):
    """Seals records of one gallery."""

    def __init__(self, header: Header) -> None:
        """Bind to a gallery and its space."""
        self._bound = b"siamlite record 2" + header.gallery_id + header.space.fingerprint.encode()

    def seal(self, kind: bytes, person: int, plain: bytes) -> bytes:
        """Seal a record.

        Args:
            kind: What it is: one byte, which no other kind of record has.
            person: Number of the person's row.
            plain: The record.
        """
        return self._seal(plain, self._place(kind, person))

    def open(self, kind: bytes, person: int, sealed: bytes) -> bytes | None:
        """What was sealed; None if it was changed, or was sealed for another place, gallery, space or key."""
        return self._open(sealed, self._place(kind, person))

    def _place(self, kind: bytes, person: int) -> bytes:
        return self._bound + kind + person.to_bytes(8, "big", signed=True)

    @property
    @abstractmethod
    def rotation(self) -> Rotation:
        """What protects its templates."""

    @abstractmethod
    def alias(self, name: str) -> bytes:
        """What stands for a name where it must be found without opening every record; 16 bytes."""

    @abstractmethod
    def leaf(self, person: int, alias: bytes, details: bytes, templates: bytes) -> bytes:
        """What stands for a row in the seal; 32 bytes."""

    @abstractmethod
    def _seal(self, plain: bytes, bound: bytes) -> bytes: ...

    @abstractmethod
    def _open(self, sealed: bytes, bound: bytes) -> bytes | None: ...


class Encrypted(Sealer):
    """Records in AES-256-GCM, each with a nonce of its own."""

    def __init__(self, header: Header, key: bytes) -> None:
        """Derive a key for each purpose.

        Args:
            header: The gallery's.
            key: The gallery's own key.
        """
        super().__init__(header)
        keys = {label: derive(key, header.gallery_id, label) for label in (b"records", b"names", b"set", b"rotation")}
        self._cipher = aes_gcm(keys[b"records"])
        self._names, self._set = keys[b"names"], keys[b"set"]
        self._seed, self._length = keys[b"rotation"], header.space.embedding_length

    @functools.cached_property
    def rotation(self) -> Rotation:
        """Drawn when it is first needed: to list people no templates are touched."""
        return rotation_from_seed(self._seed, self._length)

    def alias(self, name: str) -> bytes:
        """HMAC-SHA256 (RFC 2104) of the name, its first 16 bytes."""
        return hmac.digest(self._names, name.encode("utf-8", "surrogatepass"), "sha256")[:ALIAS_BYTES]

    def leaf(self, person: int, alias: bytes, details: bytes, templates: bytes) -> bytes:
        """See :func:`edge_runtime.gallery.wholeness.leaf`."""
        return leaf(self._set, person, alias, details, templates)

    def _seal(self, plain: bytes, bound: bytes) -> bytes:
        return encrypt(self._cipher, plain, bound)

    def _open(self, sealed: bytes, bound: bytes) -> bytes | None:
        return decrypt(self._cipher, sealed, bound)


class Unencrypted(Sealer):
    """Records as they are, with a checksum: it finds damage, but anybody can read them, and write them anew."""

    @property
    def rotation(self) -> Rotation:
        """None."""
        return UNROTATED

    def alias(self, name: str) -> bytes:
        """A hash of the name."""
        return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=ALIAS_BYTES).digest()

    def leaf(self, person: int, alias: bytes, details: bytes, templates: bytes) -> bytes:
        """See :func:`edge_runtime.gallery.wholeness.leaf`; with no key."""
        return leaf(b"", person, alias, details, templates)

    def _seal(self, plain: bytes, bound: bytes) -> bytes:
        return plain + hashlib.blake2b(bound + plain, digest_size=TAG_BYTES).digest()

    def _open(self, sealed: bytes, bound: bytes) -> bytes | None:
        plain, checksum = sealed[:-TAG_BYTES], sealed[-TAG_BYTES:]
        return plain if hashlib.blake2b(bound + plain, digest_size=TAG_BYTES).digest() == checksum else None


def new_header(
    space: Space, access: Access, path: Path, *, gallery_id: bytes | None = None, new_secret: bool = True
) -> tuple[Header, Sealer]:
    """The header and the sealer of a new gallery, or of one that gets a new key of its own.

    Args:
        space: The embedding space.
        access: How it is locked.
        path: The gallery, for messages.
        gallery_id: Of the gallery that gets a new key.
        new_secret: Whether a key file may be made, and a passphrase is a new one.

    Raises:
        GalleryError, UsageError, WriteError: There is no secret, and none can be made.
        MissingDependency: The ``cryptography`` package is not installed.
    """
    bare = Header(
        gallery_id=gallery_id or secrets.token_bytes(ID_BYTES), space=space, protection=access.protection, kdf="",
        wrapped_key=b"",
    )  # fmt: skip
    if access.protection == "none":
        return bare, Unencrypted(bare)
    aes_gcm(bytes(KEY_BYTES))
    secret = access.secret(access.protection, path, new=new_secret)
    header = replace(bare, kdf=new_kdf(access.protection))
    outer = wrapping_key(secret, header.kdf, header.gallery_id, path)
    key = secrets.token_bytes(KEY_BYTES)
    header = replace(header, wrapped_key=encrypt(aes_gcm(outer), key, _WRAPPED + header.gallery_id))
    return header, Encrypted(header, key)


def unlock(header: Header, access: Access, path: Path) -> Sealer:
    """The sealer of a gallery that is there.

    Raises:
        GalleryError: There is no secret, or it is not this gallery's.
        UsageError: What was given cannot be one.
        MissingDependency: The ``cryptography`` package is not installed.
    """
    if header.protection == "none":
        return Unencrypted(header)
    aes_gcm(bytes(KEY_BYTES))
    secret = access.secret(header.protection, path)
    outer = wrapping_key(secret, header.kdf, header.gallery_id, path)
    key = decrypt(aes_gcm(outer), header.wrapped_key, _WRAPPED + header.gallery_id)
    if key is None or len(key) != KEY_BYTES:
        raise GalleryError(
            f"the {header.protection} from {secret.where} does not open the gallery {path}: it belongs to another "
            "gallery, or the file is damaged. Give the right one, or restore the gallery from a copy."
        )
    return Encrypted(header, key)
