"""The key that the audit log and the lockout state are authenticated with, and the names in them hidden."""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from edge_runtime.audit.alone import alone
from edge_runtime.errors import AuditError, WriteError
from edge_runtime.files import read_whole, write_bytes
from edge_runtime.home import audit_folder

KEY_BYTES = 32
KEY_CREDENTIAL = "siamlite-audit-key"
_PSEUDONYM_BYTES, _MAX_FILE = 8, 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditKey:
    """A key, with what is done with it.

    Attributes:
        value: 32 bytes. Never shown.
        where: Where it came from, for messages.
    """

    value: bytes = field(repr=False)
    where: str

    def mac(self, purpose: bytes, data: bytes) -> str:
        """HMAC-SHA256 (RFC 2104) of some bytes, for one purpose, as 64 hexadecimal digits."""
        return hmac.digest(self.value, purpose + b"\0" + data, "sha256").hex()

    def pseudonym(self, name: str) -> str:
        """What stands for a name in files that are not encrypted: always the same, and meaningless without the key."""
        return self.mac(b"name", name.encode("utf-8", "surrogatepass"))[: 2 * _PSEUDONYM_BYTES]


def audit_key(folder: Path | None = None) -> AuditKey:
    """The key: systemd's credential ``siamlite-audit-key``, or ``audit.key`` in the folder, made if nothing is there.

    Args:
        folder: Where the log is; siamlite's own by default.

    Raises:
        AuditError: It cannot be read or made, others may read it, or it is gone although there is a log.
    """
    where = audit_folder() if folder is None else folder
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    credential = Path(credentials) / KEY_CREDENTIAL if credentials else None
    if credential is not None and credential.is_file():
        return AuditKey(value=_read(credential), where=str(credential))
    path = where / "audit.key"
    if not os.path.lexists(path):
        _make(path)
    elif stat.S_IMODE(_mode(path)) & 0o077:
        raise AuditError(f"the key {path} may be read by others. Close it to them: chmod 600 {path}")
    return AuditKey(value=_read(path), where=str(path))


def _make(path: Path) -> None:
    if path.parent.exists() and any(path.parent.glob("*.json*")):
        # A new key would turn everything that was logged into something that is not of this log.
        raise AuditError(
            f"the key {path} is gone, but there is a log in {path.parent}. Put the key back, or move the folder away "
            "to begin anew."
        )
    with alone(path.parent):
        # Another process may have been first, and what it has written is of its key.
        if not os.path.lexists(path):
            try:
                write_bytes(path, secrets.token_bytes(KEY_BYTES).hex().encode() + b"\n", mode=0o600)
            except WriteError as error:
                raise AuditError(f"the key of the audit log cannot be made: {error}") from error


def _mode(path: Path) -> int:
    try:
        return os.stat(path).st_mode
    except OSError as error:
        raise AuditError(f"cannot read the key {path}: {error.strerror or error}.") from error


def _read(path: Path) -> bytes:
    try:
        data = read_whole(path, most_bytes=_MAX_FILE)
    except OSError as error:
        raise AuditError(f"cannot read the key {path}: {error.strerror or error}.") from error
    try:
        value = bytes.fromhex(data.decode("ascii"))
    except ValueError:
        value = b""
    if len(value) != KEY_BYTES:
        raise AuditError(f"{path} holds no key of an audit log: {2 * KEY_BYTES} hexadecimal digits are needed.")
    return value
