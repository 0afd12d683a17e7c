"""Keys, signatures, and whom to trust."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.fuzz.contract import Attempt, Wrong
from benchmarks.fuzz.towers import TINY
from edge_runtime.files import sha256_bytes
from edge_runtime.gallery.keys import KEY_BYTES, Access, TransferAccess
from edge_runtime.towers.bundle import unpack_contents
from edge_runtime.towers.signature import (
    Signature,
    public_key_pem,
    read_public_key,
    signature_from_json,
    signature_to_json,
)
from edge_runtime.towers.trust import Trust, read_trusted_key


def _maker() -> tuple[bytes, Signature, bytes]:
    """A maker's public key, and their signature over a message."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    message = unpack_contents(TINY.read_bytes(), "tiny").members["hashes.json"]
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    raw = key.public_key().public_bytes_raw()
    return raw, Signature(public_key=raw, value=key.sign(message)), message


def pem_seeds(folder: Path) -> list[bytes]:
    """Public keys of several kinds in PEM."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    others = (
        ec.generate_private_key(ec.SECP256R1()),
        rsa.generate_private_key(65537, 1024),
        x25519.X25519PrivateKey.generate(),
    )
    pem = [key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) for key in others]
    return [public_key_pem(_maker()[0]), *pem, b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"]


def make_pem(folder: Path) -> Attempt:
    """A file of a key that somebody is asked to trust."""
    trusted = _maker()[0]
    genuine = public_key_pem(trusted)

    def attempt(data: bytes) -> None:
        path = folder / "maker.pub.pem"
        path.write_bytes(data)
        key = read_trusted_key(path)
        if len(key.public_key) != KEY_BYTES:
            raise Wrong("a key of another length")
        if key.public_key == trusted and b"".join(data.split())[:40] != b"".join(genuine.split())[:40]:
            read_public_key(path)

    return attempt


def signature_seeds(folder: Path) -> list[bytes]:
    """The signature of a tower."""
    return [signature_to_json(_maker()[1]), b"{}"]


def make_signature(folder: Path) -> Attempt:
    """The bytes of ``signature.json`` before a trusted key: only the one right signature is accepted."""
    raw, genuine, message = _maker()
    (folder / "maker.pem").write_bytes(public_key_pem(raw))
    trust = Trust(keys=(read_trusted_key(folder / "maker.pem"),), required=True)
    right = signature_to_json(genuine)

    def attempt(data: bytes) -> None:
        trust.check(signature_from_json(data, "case"), message, "case")
        if data != right:
            raise Wrong("another signature was accepted")

    return attempt


def secret_seeds(folder: Path) -> list[bytes]:
    """A key as digits and as it is."""
    return [sha256_bytes(b"").encode() + b"\n", bytes(range(KEY_BYTES)), b"passphrase\n"]


def make_secret(folder: Path) -> Attempt:
    """A key file, a key in the environment, and a passphrase."""
    path = folder / "case.key"

    def attempt(data: bytes) -> None:
        path.write_bytes(data)
        os.chmod(path, 0o600)
        found = [Access(key_file=path).secret("key", folder / "g.db").value]
        found.append(TransferAccess(key_file=path).secret(folder / "p.bin", protection="key").value)
        if any(len(value) != KEY_BYTES for value in found):
            raise Wrong("a key of another length")

    return attempt
