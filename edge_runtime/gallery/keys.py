"""Where the secret of a gallery comes from: a file, the environment, systemd, or somebody who types it.

A gallery of kind ``key`` is opened by 32 random bytes, from the first of these places that gives any: a file that the
caller names, ``$SIAMLITE_GALLERY_KEY`` (64 hexadecimal digits), ``$SIAMLITE_GALLERY_KEY_FILE``, the systemd credential
``siamlite-gallery-key``, and ``gallery.key`` in siamlite's home. One of kind ``passphrase`` asks
``$SIAMLITE_GALLERY_PASSPHRASE``, the credential ``siamlite-gallery-passphrase``, and then whoever is at the terminal.
A place that gives a wrong secret is an error; the next one is not tried.
"""

from __future__ import annotations

import logging
import os
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edge_runtime.errors import GalleryError, UsageError
from edge_runtime.files import read_whole, write_bytes
from edge_runtime.gallery.header import PROTECTIONS
from edge_runtime.home import expanded, home_folder

KEY_BYTES = 32
KEY_VARIABLE, KEY_FILE_VARIABLE = "SIAMLITE_GALLERY_KEY", "SIAMLITE_GALLERY_KEY_FILE"
PASSPHRASE_VARIABLE, TRANSFER_VARIABLE = "SIAMLITE_GALLERY_PASSPHRASE", "SIAMLITE_TRANSFER_PASSPHRASE"
KEY_CREDENTIAL, PASSPHRASE_CREDENTIAL = "siamlite-gallery-key", "siamlite-gallery-passphrase"
_MAX_FILE = 4096
_MIN_PASSPHRASE = 8

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """What a gallery's own key is wrapped with.

    Attributes:
        value: 32 bytes, or a passphrase in UTF-8. Never shown.
        where: Where it came from, for messages.
    """

    value: bytes = field(repr=False)
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How a gallery is to be opened, and how a new one is to be locked.

    Attributes:
        key_file: Take the key from this file rather than from anywhere else.
        protection: Of a new gallery: ``"key"``, ``"passphrase"`` or, for no encryption, ``"none"``.
        ask: Asks for a passphrase; is told for what, and whether it is a new one. None if nobody can be asked.
    """

    key_file: Path | None = None
    protection: str = "key"
    ask: Callable[[str, bool], str] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse a protection that there is none of."""
        if self.protection not in PROTECTIONS:
            raise UsageError(f"a gallery is protected by {', '.join(PROTECTIONS)}, not {self.protection!r}.")

    def secret(self, protection: str, path: Path, *, new: bool = False) -> Secret:
        """The secret for a gallery.

        Args:
            protection: How it is locked: ``"key"`` or ``"passphrase"``.
            path: The gallery, for messages.
            new: The gallery is new: a key file that is not there yet is made.

        Raises:
            GalleryError: There is none.
            UsageError: What was given cannot be one.
            WriteError: A key file cannot be made.
        """
        return self._passphrase(path, new) if protection == "passphrase" else self._key(path, new)

    def _key(self, path: Path, new: bool) -> Secret:
        if self.key_file is None and os.environ.get(KEY_VARIABLE):
            return Secret(
                value=_parsed(os.environ[KEY_VARIABLE].encode(), f"${KEY_VARIABLE}"), where=f"${KEY_VARIABLE}"
            )
        named = self.key_file or _from_environment(KEY_FILE_VARIABLE)
        credential = _credential(KEY_CREDENTIAL)
        if named is None and credential is not None:
            # systemd has already seen to it that nobody else reads it, by access lists that the mode does not show.
            return Secret(value=_parsed(_read(credential), str(credential)), where=str(credential))
        file = named or default_key_file()
        if not os.path.lexists(file):
            if not new:
                raise GalleryError(
                    f"the gallery {path} is locked with a key, and there is none at {file}. Put it back, or name it: "
                    f"--key-file, ${KEY_VARIABLE}, ${KEY_FILE_VARIABLE}."
                )
            make_key_file(file)
            _log.warning(
                "the gallery's new key is in %s: whoever has it and the gallery can read the gallery, and without it "
                "nobody can. Keep a copy in a safe place, apart from copies of the gallery.",
                file,
            )
        _refuse_open_to_others(file)
        return Secret(value=_parsed(_read(file), str(file)), where=str(file))

    def _passphrase(self, path: Path, new: bool) -> Secret:
        if self.key_file is not None:
            raise UsageError(f"the gallery {path} is locked with a passphrase: leave out --key-file.")
        credential = _credential(PASSPHRASE_CREDENTIAL)
        if os.environ.get(PASSPHRASE_VARIABLE):
            text, where = os.environ[PASSPHRASE_VARIABLE], f"${PASSPHRASE_VARIABLE}"
        elif credential is not None:
            text, where = _read(credential).decode("utf-8", "replace").rstrip("\r\n"), str(credential)
        elif self.ask is not None:
            text, where = self.ask(f"the gallery {path}", new), "the terminal"
        else:
            raise GalleryError(f"the gallery {path} is locked with a passphrase. Give it: ${PASSPHRASE_VARIABLE}.")
        if new:
            check_new_passphrase(text)
        return Secret(value=text.encode("utf-8", "surrogateescape"), where=where)


def check_new_passphrase(text: str) -> None:
    """Refuse a passphrase that would be guessed at once.

    Raises:
        UsageError: It is shorter than eight characters.
    """
    if len(text) < _MIN_PASSPHRASE:
        raise UsageError(f"a passphrase has at least {_MIN_PASSPHRASE} characters; four random words are better.")


def default_key_file() -> Path:
    """Where the key is looked for, and made, unless another place is named."""
    return home_folder() / "gallery.key"


def make_key_file(path: Path) -> Path:
    """Write a new random key for its owner alone.

    Raises:
        UsageError: There is such a file.
        WriteError: It cannot be written.
    """
    if os.path.lexists(path):
        raise UsageError(f"there is a key at {path} already. Name another file; a key is never replaced.")
    return write_bytes(path, secrets.token_bytes(KEY_BYTES).hex().encode() + b"\n", mode=0o600)


def _parsed(data: bytes, where: str) -> bytes:
    """A key from its 64 hexadecimal digits, or as it is."""
    if len(data) == KEY_BYTES:
        return data
    try:
        value = bytes.fromhex(data.decode("ascii"))
    except ValueError:
        value = b""
    if len(value) != KEY_BYTES:
        raise UsageError(f"{where} holds no key of a gallery: 64 hexadecimal digits or {KEY_BYTES} bytes are needed.")
    return value


def _read(path: Path) -> bytes:
    try:
        return read_whole(path, most_bytes=_MAX_FILE)
    except OSError as error:
        raise UsageError(f"cannot read the key {path}: {error.strerror or error}.") from error


def _refuse_open_to_others(path: Path) -> None:
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
    except OSError as error:
        raise UsageError(f"cannot read the key {path}: {error.strerror or error}.") from error
    if mode & 0o077:
        raise UsageError(f"the key {path} may be read by others (mode {mode:04o}). Close it to them: chmod 600 {path}")


def _from_environment(name: str) -> Path | None:
    value = os.environ.get(name)
    return expanded(value) if value else None


def _credential(name: str) -> Path | None:
    """A file that systemd's LoadCredential put there (systemd.exec(5)), if it is there."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    path = Path(folder) / name if folder else None
    return path if path is not None and path.is_file() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferAccess:
    """What an exported file is locked with.

    Attributes:
        key_file: A key; made if there is none, for an export. None locks with a passphrase, from
            ``$SIAMLITE_TRANSFER_PASSPHRASE`` or the terminal.
        ask: Asks for a passphrase (see :class:`Access`).
    """

    key_file: Path | None = None
    ask: Callable[[str, bool], str] | None = field(default=None, repr=False)

    @property
    def protection(self) -> str:
        """How a file that is written is locked."""
        return "passphrase" if self.key_file is None else "key"

    def secret(self, path: Path, *, new: bool = False, protection: str | None = None) -> Secret:
        """The secret for a file.

        Args:
            path: The file, for messages.
            new: It is about to be written.
            protection: What the file that is read says it is locked with.

        Raises:
            UsageError: There is none, it cannot be one, or the file is locked otherwise.
            WriteError: A new key cannot be written.
        """
        if protection is not None and protection != self.protection:
            remedy = "name the key: --transfer-key" if protection == "key" else "leave out --transfer-key"
            raise UsageError(f"{path} is locked with a {protection}: {remedy}.")
        if self.key_file is not None:
            if new and not os.path.lexists(self.key_file):
                make_key_file(self.key_file)
            _refuse_open_to_others(self.key_file)
            return Secret(value=_parsed(_read(self.key_file), str(self.key_file)), where=str(self.key_file))
        given = os.environ.get(TRANSFER_VARIABLE)
        if not given and self.ask is None:
            raise UsageError(f"{path} is locked with a passphrase. Give it: ${TRANSFER_VARIABLE}.")
        text = given or (self.ask(str(path), new) if self.ask is not None else "")
        if new:
            check_new_passphrase(text)
        return Secret(
            value=text.encode("utf-8", "surrogateescape"), where=f"${TRANSFER_VARIABLE}" if given else "the terminal"
        )
