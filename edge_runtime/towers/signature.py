"""Who made a tower: an Ed25519 signature (RFC 8032) over its list of hashes, checked by the ``cryptography`` package.

The package is optional (``pip install 'siamlite[signed]'``) and is loaded when the first signature is checked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.errors import MissingDependency, TowerError, UsageError
from edge_runtime.files import read_whole, sha256_bytes

ALGORITHM = "ed25519"
_KEY_BYTES, _SIGNATURE_BYTES = 32, 64
_MAX_PEM = 64 << 10
_NEEDED = "checking signatures needs the cryptography package. Run: pip install 'siamlite[signed]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature and the key that it is to be checked with.

    Attributes:
        public_key: The maker's raw public key, 32 bytes.
        value: The signature, 64 bytes.
    """

    public_key: bytes
    value: bytes

    def __post_init__(self) -> None:
        """Refuse what no Ed25519 signature can be."""
        if len(self.public_key) != _KEY_BYTES or len(self.value) != _SIGNATURE_BYTES:
            raise TowerError(
                f"an Ed25519 signature has a key of {_KEY_BYTES} bytes and {_SIGNATURE_BYTES} bytes of its own, not "
                f"{len(self.public_key)} and {len(self.value)}."
            )

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the key (see :func:`key_fingerprint`)."""
        return key_fingerprint(self.public_key)


def key_fingerprint(public_key: bytes) -> str:
    """SHA-256 of a raw public key, as 64 hexadecimal digits."""
    return sha256_bytes(public_key)


def short_fingerprint(fingerprint: str) -> str:
    """The first 16 digits of a fingerprint in groups of four: for people to read, not for programs to compare."""
    return "-".join(fingerprint[start : start + 4] for start in range(0, 16, 4))


def signature_to_json(signature: Signature) -> bytes:
    """A signature as the bytes of ``signature.json``: there is one way only to write it."""
    values = {
        "algorithm": ALGORITHM,
        "public_key": signature.public_key.hex(),
        "signature": signature.value.hex(),
    }
    return (json.dumps(values, indent=2, sort_keys=True) + "\n").encode()


def signature_from_json(data: bytes, name: str) -> Signature:
    """Read ``signature.json``; anything that :func:`signature_to_json` would write otherwise is refused.

    Args:
        data: Its bytes.
        name: The tower file, for the message.

    Raises:
        TowerError: It is no signature, or one of another algorithm.
    """
    try:
        values = json.loads(data)
        algorithm = str(values["algorithm"])
        signature = Signature(public_key=bytes.fromhex(values["public_key"]), value=bytes.fromhex(values["signature"]))
    except (ValueError, TypeError, KeyError, RecursionError, TowerError) as error:
        raise TowerError(f"{name}: its signature cannot be read. Get the file again from its maker.") from error
    if algorithm != ALGORITHM:
        raise TowerError(f"{name} is signed by an algorithm that is not known here; known is {ALGORITHM}.")
    if signature_to_json(signature) != data:
        raise TowerError(f"{name}: its signature is not written as siamlite writes it. Get the file again.")
    return signature


def verifies(signature: Signature, message: bytes) -> bool:
    """Whether a signature is its key's over a message.

    Raises:
        MissingDependency: The ``cryptography`` package is not installed.
    """
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as error:
        raise MissingDependency(_NEEDED) from error
    try:
        Ed25519PublicKey.from_public_bytes(signature.public_key).verify(signature.value, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def read_public_key(path: str | Path) -> bytes:
    """The raw Ed25519 public key of a PEM file.

    Args:
        path: What ``python -m export keygen`` wrote as ``….pub.pem``, or ``openssl pkey -pubout``.

    Returns:
        32 bytes.

    Raises:
        MissingDependency: The ``cryptography`` package is not installed.
        UsageError: The file cannot be read, or holds something else.
    """
    data = read_pem(path)
    if b"PRIVATE KEY" in data:
        raise UsageError(f"{path} holds a private key. Keep it secret, and give its public key, such as maker.pub.pem.")
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError as error:
        raise MissingDependency(_NEEDED) from error
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(
            f"{path} holds no public key in PEM. Ask the maker for theirs; python -m export keygen writes "
            "one as NAME.pub.pem."
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        kind = type(key).__name__.strip("_").removesuffix("PublicKey")
        raise UsageError(f"{path} holds a key of another kind ({kind}); towers are signed with Ed25519 keys only.")
    return key.public_bytes_raw()


def public_key_pem(public_key: bytes) -> bytes:
    """A raw public key as PEM.

    Raises:
        MissingDependency: The ``cryptography`` package is not installed.
    """
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    except ImportError as error:
        raise MissingDependency(_NEEDED) from error
    key = Ed25519PublicKey.from_public_bytes(public_key)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def read_pem(path: str | Path) -> bytes:
    """The bytes of a key file.

    Raises:
        UsageError: It cannot be read, or is too large for a key.
    """
    try:
        return read_whole(path, most_bytes=_MAX_PEM)
    except OSError as error:
        raise UsageError(f"cannot read the key {path}: {error.strerror or error}.") from error
