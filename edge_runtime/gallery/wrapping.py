"""The gallery's own key, and the secret that it is wrapped with.

Everything in a gallery is encrypted with a key of its own, 32 random bytes that are stored in it encrypted by the
secret of :mod:`edge_runtime.gallery.keys`. So ``rekey`` is one transaction, and no second file must change with it.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.errors import GalleryError, MissingDependency
from edge_runtime.gallery.keys import KEY_BYTES, Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES, TAG_BYTES = 12, 16
# 32 MiB and about a third of a second on a desktop: what OWASP recommends where 128 MiB are too much.
_SCRYPT = {"n": 1 << 15, "r": 8, "p": 3}
# What a hostile file may ask for at most: in memory, and in bytes that are written, which is some seconds on a Pi.
_MAX_SCRYPT_BYTES, _MAX_SCRYPT_WORK, _MAX_SCRYPT_P = 128 << 20, 256 << 20, 16


def aes_gcm(key: bytes) -> AESGCM:
    """AES-256-GCM with a key, by the ``cryptography`` package, which is loaded when it is first needed.

    Raises:
        MissingDependency: It is not installed.
    """
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise MissingDependency(
            "encryption needs the cryptography package. Run: pip install 'siamlite[edge]' (a gallery without "
            "encryption must be asked for: --unencrypted)"
        ) from error
    return AESGCM(key)


def encrypt(cipher: AESGCM, plain: bytes, bound: bytes) -> bytes:
    """A random nonce, the ciphertext and its tag."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plain, bound)


def decrypt(cipher: AESGCM, sealed: bytes, bound: bytes) -> bytes | None:
    """What :func:`encrypt` was given; None if the bytes, the key or what they are bound to differ."""
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        return None
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
    except invalid_tag():
        return None


def invalid_tag() -> type[Exception]:
    """What the ``cryptography`` package raises on bytes that are not what was encrypted."""
    from cryptography.exceptions import InvalidTag

    return InvalidTag


def derive(key: bytes, salt: bytes, label: bytes) -> bytes:
    """A key for one purpose, by HKDF with SHA-256 (RFC 5869); 32 bytes."""
    aes_gcm(bytes(KEY_BYTES))
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=label).derive(key)


def new_kdf(protection: str) -> str:
    """How a new passphrase becomes a key: scrypt's parameters and a new salt, as JSON; empty for other protections."""
    return json.dumps(_SCRYPT | {"salt": secrets.token_hex(16)}, sort_keys=True) if protection == "passphrase" else ""


def wrapping_key(secret: Secret, kdf: str, salt: bytes, path: Path) -> bytes:
    """The key that the gallery's own key is encrypted with.

    Args:
        secret: The passphrase or the key.
        kdf: What :func:`new_kdf` gave.
        salt: Of the gallery.
        path: The gallery or the file, for messages.

    Raises:
        GalleryError: The parameters are none, or ask for more than any device should give.
        MissingDependency: The ``cryptography`` package is not installed.
    """
    if not kdf:
        return derive(secret.value, salt, b"siamlite wrapping key")
    aes_gcm(bytes(KEY_BYTES))
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    values, scrypt_salt = _scrypt_of(kdf, path)
    return Scrypt(salt=scrypt_salt, length=KEY_BYTES, **values).derive(secret.value)


def _scrypt_of(kdf: str, path: Path) -> tuple[dict[str, int], bytes]:
    try:
        given: dict[str, Any] = json.loads(kdf)
        salt = bytes.fromhex(given["salt"])
        n, r, p = (given[name] for name in ("n", "r", "p"))
        whole = all(type(value) is int and value > 0 for value in (n, r, p)) and n > 1 and n & (n - 1) == 0
        words = f"n={n!r:.20}, r={r!r:.20}, p={p!r:.20}"
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise GalleryError(f"{path} is damaged: how its passphrase becomes a key cannot be read.") from error
    hungry = whole and (128 * n * r > _MAX_SCRYPT_BYTES or 128 * n * r * p > _MAX_SCRYPT_WORK or p > _MAX_SCRYPT_P)
    if not whole or hungry or not 8 <= len(salt) <= 64:
        raise GalleryError(
            f"{path} asks for scrypt with {words}; n is a power of two, and 128·n·r may be "
            f"{_MAX_SCRYPT_BYTES >> 20} MiB, p times that {_MAX_SCRYPT_WORK >> 20} MiB, p {_MAX_SCRYPT_P}."
        )
    return {"n": n, "r": r, "p": p}, salt
