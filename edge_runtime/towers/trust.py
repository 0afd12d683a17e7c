"""Whose towers this machine loads: trusted public keys, where they come from, and what they decide.

======================================  ======================================================================
no trusted key                          any tower loads; a signature that does not verify is refused even so
some trusted keys                       only a tower that one of them signed loads
signed towers required, no trusted key  nothing loads, and the error says how to add a key
======================================  ======================================================================

Keys come from the first of these places that names any: the command line, ``$SIAMLITE_TRUSTED_KEYS`` (folders and
files, separated as in ``$PATH``), ``trusted-keys`` in siamlite's home.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge_runtime.commands.printable import printable
from edge_runtime.errors import MissingDependency, TowerError, UsageError
from edge_runtime.home import expanded, trusted_keys_folder
from edge_runtime.towers.signature import Signature, key_fingerprint, read_public_key, short_fingerprint, verifies

_log = logging.getLogger(__name__)

KEYS_VARIABLE, REQUIRED_VARIABLE = "SIAMLITE_TRUSTED_KEYS", "SIAMLITE_REQUIRE_SIGNED"
_ADD = "siamlite trust add KEY.pem"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """A public key whose towers are accepted.

    Attributes:
        name: What people call it: the name of its file without its endings.
        public_key: The raw key, 32 bytes.
        path: The file.
    """

    name: str
    public_key: bytes
    path: Path

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key, as 64 hexadecimal digits."""
        return key_fingerprint(self.public_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What is known of who made a tower.

    Attributes:
        status: ``"unsigned"``; ``"unchecked"``: signed, but there is nothing here to check it with; ``"signed"``: the
            signature is right, but nobody here vouches for the key; ``"trusted"``: the key is a trusted one.
        fingerprint: Fingerprint of the key; None if unsigned.
        signer: Name of the trusted key; None if it is none.
    """

    status: Literal["unsigned", "unchecked", "signed", "trusted"] = "unsigned"
    fingerprint: str | None = None
    signer: str | None = None

    def __str__(self) -> str:
        if self.fingerprint is None:
            return "not signed"
        key = short_fingerprint(self.fingerprint)
        if self.status == "trusted":
            return f"signed by {self.signer} ({key})"
        if self.status == "unchecked":
            return f"signed by key {key}, not checked: pip install 'siamlite[signed]'"
        return f"signed by key {key}, which is not among the trusted keys here"


UNSIGNED = Provenance()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whose towers are accepted.

    Attributes:
        keys: The trusted keys.
        required: Whether only towers that one of them signed are accepted.
    """

    keys: tuple[TrustedKey, ...] = ()
    required: bool = False

    def __post_init__(self) -> None:
        """Refuse to require what nobody can give."""
        if self.required and not self.keys:
            raise UsageError(f"signed towers are required, but no key is trusted here. Add the maker's: {_ADD}")

    @classmethod
    def anyone(cls) -> Trust:
        """Accept unsigned towers and those of any maker; a signature that does not verify is refused even so."""
        return cls()

    @classmethod
    def configured(cls, files: Iterable[str | Path] = (), *, require: bool = False) -> Trust:
        """What this machine is configured to trust (see the top of this file).

        Args:
            files: Files of public keys in PEM, in place of those of the environment and of siamlite's home.
            require: Whether to refuse to go on where no key is trusted; so does ``$SIAMLITE_REQUIRE_SIGNED``.

        Raises:
            MissingDependency: There are trusted keys, but no ``cryptography`` package to check with.
            UsageError: A key cannot be used, or signed towers are required and no key is trusted.
        """
        paths = [Path(path) for path in files] or _paths_of_environment() or key_files(trusted_keys_folder())
        keys = tuple(read_trusted_key(path) for path in paths)
        return cls(keys=keys, required=bool(keys) or require or _required_by_environment())

    def check(self, signature: Signature | None, message: bytes, name: str) -> Provenance:
        """Decide whether a tower is accepted.

        Args:
            signature: Its signature; None if it has none.
            message: What must be signed.
            name: The tower file, for the messages.

        Raises:
            MissingDependency: A trusted signature is required, but there is no ``cryptography`` package to check it.
            TowerError: It is not accepted.
        """
        trusted = " or ".join(f"{key.name} ({short_fingerprint(key.fingerprint)})" for key in self.keys)
        if signature is None:
            if self.required:
                raise TowerError(
                    f"{name} is not signed, and here only towers signed by {trusted} are accepted. Get a signed one "
                    "from its maker, or sign it: python -m export sign TOWER --key KEY"
                )
            return UNSIGNED
        known = next((key for key in self.keys if key.public_key == signature.public_key), None)
        if self.required and known is None:
            raise TowerError(
                f"{name} is signed by the key {short_fingerprint(signature.fingerprint)}, and here only {trusted} "
                f"may sign. If you know its maker, add their key: {_ADD}"
            )
        try:
            right = verifies(signature, message)
        except MissingDependency as error:
            if self.required:
                raise
            _log.info("the signature of %s was not checked: %s", name, error)
            return Provenance(status="unchecked", fingerprint=signature.fingerprint)
        if not right:
            raise TowerError(
                f"{name}: its signature is not that of its content: it was changed after it was signed, or the "
                "signature is another tower's. Get it again from its maker."
            )
        return Provenance(
            status="trusted" if known else "signed",
            fingerprint=signature.fingerprint,
            signer=known.name if known else None,
        )


def read_trusted_key(path: Path) -> TrustedKey:
    """A public key with the name of its file.

    Raises:
        MissingDependency: The ``cryptography`` package is not installed.
        UsageError: It cannot be read, or holds no Ed25519 public key.
    """
    return TrustedKey(name=key_name(path), public_key=read_public_key(path), path=path)


def key_name(path: Path) -> str:
    """What a key is called: ``maker`` for ``maker.pub.pem``."""
    return printable(path.name.removesuffix(".pem").removesuffix(".pub") or path.name)


def key_files(folder: Path) -> list[Path]:
    """The ``.pem`` files of a folder, by name; none where there is no such folder.

    Raises:
        UsageError: The folder cannot be read, so that it is not known whom to trust.
    """
    try:
        return sorted(folder / name for name in os.listdir(folder) if name.endswith(".pem") and name[0] != ".")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"cannot read the trusted keys in {folder}: {error.strerror or error}.") from error


def _paths_of_environment() -> list[Path]:
    """The files that the environment names. A place that it names but that holds none is an error, not a choice."""
    paths: list[Path] = []
    for part in os.environ.get(KEYS_VARIABLE, "").split(os.pathsep):
        if part:
            place = expanded(part)
            found = key_files(place) if place.is_dir() else [place]
            if not found:
                raise UsageError(f"{KEYS_VARIABLE} names the folder {place}, which holds no .pem file.")
            paths += found
    return paths


def _required_by_environment() -> bool:
    value = os.environ.get(REQUIRED_VARIABLE, "")
    if value not in ("", "0", "1"):
        raise UsageError(f"{REQUIRED_VARIABLE} must be 1 or 0, not {value!r}.")
    return value == "1"
