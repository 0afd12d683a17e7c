"""Secrets of places outside: from files that nobody else may read, or from systemd's credentials."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from edge_runtime.errors import UsageError
from edge_runtime.home import expanded

CREDENTIAL = "credential:"
_MAX_FILE = 4096


def secret_file(text: str, folder: Path, credentials: Path | None = None) -> Path:
    """The file that is meant by the value of a ``…_file`` key.

    Args:
        text: A path, absolute or relative to ``folder``, or ``credential:NAME`` for a credential that systemd's
            LoadCredential put there (systemd.exec(5)).
        folder: Where the configuration is.
        credentials: Where credentials are; if None, where systemd says.

    Raises:
        UsageError: It is a credential, and there are none, or its name is none.
    """
    if not text.startswith(CREDENTIAL):
        return folder / expanded(text)
    name, given = text.removeprefix(CREDENTIAL), credentials or os.environ.get("CREDENTIALS_DIRECTORY")
    if not name or "/" in name or name.startswith("."):
        raise UsageError(f"{text!r:.50} names no credential: {CREDENTIAL}NAME is accepted.")
    if not given:
        raise UsageError(f"{text!r:.50} is one of systemd's credentials, and this is not run by systemd with any.")
    return Path(given) / name


def read_secret(path: Path, *, what: str, least: int = 1) -> bytes:
    """The content of a secret file, without the line end.

    Args:
        path: The file.
        what: What it is, for messages.
        least: Bytes that it must have.

    Raises:
        UsageError: It cannot be read, is no file, is too short or too long, or others may read it.
    """
    try:
        # A pipe that nobody writes to would block here for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UsageError(f"{what}, {path}, is no file.")
            _refuse_open_to_others(path, status, what)
            data = stream.read(_MAX_FILE + 1)
    except OSError as error:
        raise UsageError(f"cannot read {what}, {path}: {error.strerror or error}.") from error
    value = data.rstrip(b"\r\n")
    if len(data) > _MAX_FILE or len(value) < least:
        raise UsageError(f"{what}, {path}, has {len(value)} bytes; {least} to {_MAX_FILE} are accepted.")
    return value


def _refuse_open_to_others(path: Path, status: os.stat_result, what: str) -> None:
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and path.parent == Path(credentials):
        # systemd has seen to it, by access lists that the mode does not show.
        return
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        raise UsageError(f"{what}, {path}, may be read by others (mode {mode:04o}). Close it: chmod 600 {path}")
