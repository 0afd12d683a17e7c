"""Signing towers: a maker's Ed25519 key pair, and what it signs (see :mod:`edge_runtime.towers.signature`)."""

from __future__ import annotations

import contextlib
import getpass
import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.errors import CheckFailed, MissingDependency, UsageError
from edge_runtime.files import refuse_overwrite, write_bytes
from edge_runtime.towers.bundle import Bundle, pack_bundle, pack_contents, read_bundle, unpack_contents
from edge_runtime.towers.signature import Signature, key_fingerprint, public_key_pem, read_pem, verifies
from edge_runtime.towers.trust import Trust

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PASSPHRASE_VARIABLE = "SIAMLITE_KEY_PASSPHRASE"
_MIN_PASSPHRASE = 8


def sign_bundle(bundle: Bundle | bytes, key: Ed25519PrivateKey) -> bytes:
    """Sign a tower; the same tower and key always give the same bytes.

    Args:
        bundle: The parts of a tower, or the bytes of a tower file. A signature that it has is replaced.
        key: The maker's private key.

    Returns:
        The bytes of the signed tower file.

    Raises:
        CheckFailed: The signature does not verify (a fault in memory or in the library).
        TowerError: These are not the bytes of a tower file.
    """
    data = pack_bundle(bundle) if isinstance(bundle, Bundle) else bundle
    contents = unpack_contents(data, "the tower")
    message = contents.members["hashes.json"]
    signature = Signature(public_key=key.public_key().public_bytes_raw(), value=key.sign(message))
    # A single wrong bit while signing can give the private key away, so nothing unverified leaves this function.
    if not verifies(signature, message):
        raise CheckFailed("the signature that was just made does not verify. Nothing was written; try again.")
    return pack_contents(replace(contents, signature=signature))


def sign_file(tower: Path, out: Path, key: Ed25519PrivateKey, *, force: bool = False) -> Bundle:
    """Sign a tower file.

    Args:
        tower: The tower.
        out: Where to; the tower itself to sign it in place.
        key: The maker's private key.
        force: Whether another file at ``out``, or the signature of another maker, may be replaced.

    Returns:
        The parts of the signed tower.

    Raises:
        TowerError: The tower is damaged, or its present signature is not that of its content.
        UsageError: Something would be replaced and ``force`` is false.
        WriteError: The file cannot be written; what stood there is untouched.
    """
    public = key.public_key().public_bytes_raw()
    held = read_bundle(tower, trust=Trust.anyone()).provenance
    same_maker = held.fingerprint in (None, key_fingerprint(public))
    in_place = out.exists() and out.samefile(tower)
    if not in_place:
        refuse_overwrite(out, force=force)
    elif not same_maker and not force:
        raise UsageError(f"{tower} is {held}. Replace that signature with --force, or write another file with --out.")
    write_bytes(out, sign_bundle(tower.read_bytes(), key), mode=tower.stat().st_mode & 0o777)
    return read_bundle(out, trust=Trust.anyone())


def public_path(path: Path) -> Path:
    """Where the public key goes: ``maker.pub.pem`` beside ``maker.key``."""
    return path.with_name(f"{path.stem}.pub.pem")


def write_key_pair(path: Path, *, passphrase: bytes | None = None, force: bool = False) -> bytes:
    """Make a key pair and write it: the private key for its owner alone, the public key beside it.

    Args:
        path: The private key: PKCS#8 in PEM, mode 0600.
        passphrase: What to encrypt it with; not encrypted if None.
        force: Whether existing keys may be replaced.

    Returns:
        The raw public key, 32 bytes.

    Raises:
        MissingDependency: The ``cryptography`` package is not installed.
        UsageError: One of the two files exists, or the name is a public key's.
        WriteError: A file cannot be written; neither is left.
    """
    _need_cryptography()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public = public_path(path)
    if path.name.endswith(".pub.pem"):
        raise UsageError(f"{path} would be taken for a public key. Choose another --out, such as maker.key")
    for target in (path, public):
        refuse_overwrite(target, force=force)
    key = Ed25519PrivateKey.generate()
    locked: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        locked = serialization.BestAvailableEncryption(passphrase)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    raw = key.public_key().public_bytes_raw()
    write_bytes(path, pem, mode=0o600)
    try:
        write_bytes(public, public_key_pem(raw))
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    return raw


def load_private_key(path: Path, *, ask: Callable[[], bytes | None] | None = None) -> Ed25519PrivateKey:
    """Read a maker's private key.

    Args:
        path: What ``python -m export keygen`` wrote.
        ask: Gives the passphrase of an encrypted key; :func:`given_passphrase` if None.

    Raises:
        MissingDependency: The ``cryptography`` package is not installed.
        UsageError: It cannot be read, is no Ed25519 private key, others may read it, or the passphrase is wrong.
    """
    _need_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = read_pem(path)
    if b"PUBLIC KEY" in data:
        raise UsageError(f"{path} is a public key; sign with the private one that keygen wrote beside it.")
    _refuse_readable(path)
    try:
        try:
            key = load_pem_private_key(data, password=None)
        except TypeError:  # This is how the library says that the key is encrypted.
            key = load_pem_private_key(data, password=_passphrase_for(path, ask or given_passphrase))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        encrypted = b"ENCRYPTED" in data
        wrong = "cannot be opened: the passphrase is wrong, or the file is damaged"
        raise UsageError(
            f"{path} {wrong}."
            if encrypted
            else f"{path} holds no private key in PEM (PKCS#8). Make one: python -m export keygen --out maker.key"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        kind = type(key).__name__.strip("_").removesuffix("PrivateKey")
        raise UsageError(
            f"{path} holds a key of another kind ({kind}); towers are signed with Ed25519 keys only. Make one: "
            "python -m export keygen --out maker.key"
        )
    return key


def _passphrase_for(path: Path, ask: Callable[[], bytes | None]) -> bytes:
    passphrase = ask()
    if not passphrase:
        raise UsageError(f"{path} is encrypted. Set {PASSPHRASE_VARIABLE}, or run this on a terminal.")
    return passphrase


def given_passphrase() -> bytes | None:
    """The passphrase from the environment, or typed on a terminal; None if there is neither."""
    value = os.environ.get(PASSPHRASE_VARIABLE)
    if value is None and sys.stdin is not None and sys.stdin.isatty():
        value = getpass.getpass("passphrase of the key: ")
    return os.fsencode(value) if value else None


def new_passphrase() -> bytes | None:
    """A passphrase for a new key, from the environment or typed twice; None for a key that is not encrypted.

    Raises:
        UsageError: It is too short, or the two differ.
    """
    value = os.environ.get(PASSPHRASE_VARIABLE)
    if value is None and sys.stdin is not None and sys.stdin.isatty():
        value = getpass.getpass("passphrase for the new key (empty for none): ")
        if value and getpass.getpass("the same again: ") != value:
            raise UsageError("the two passphrases differ. Nothing was written.")
    if value and len(value) < _MIN_PASSPHRASE:
        raise UsageError(f"the passphrase has {len(value)} characters; at least {_MIN_PASSPHRASE} are needed.")
    return os.fsencode(value) if value else None


def _refuse_readable(path: Path) -> None:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise UsageError(
            f"others may read the private key {path} (mode {mode:03o}), so it proves nothing. Run: chmod 600 {path}; "
            "if anybody else may have read it, make a new one: python -m export keygen"
        )


def _need_cryptography() -> None:
    if importlib.util.find_spec("cryptography") is None:
        raise MissingDependency("signing needs the cryptography package. Run: pip install -r requirements/dev.txt")
