"""What the log says of itself, beside it: how far it goes, so that a cut at its end is noticed."""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from edge_runtime.audit.chain import BEGINNING
from edge_runtime.audit.secret import AuditKey
from edge_runtime.errors import AuditError, WriteError
from edge_runtime.files import read_whole, write_bytes

HEAD_NAME, CURRENT_NAME = "head.json", "audit.jsonl"
_MAX_HEAD = 4096
_ARCHIVE = re.compile(r"audit-[0-9]{12,20}\.jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How far the log goes.

    Attributes:
        number: Of the last entry; 0 if there is none.
        last: Its MAC.
        first: The number of the oldest entry that must still be there.
        begins: The number of the first entry of the file that is written to.
        size: Length of that file in bytes.
    """

    number: int = 0
    last: str = BEGINNING
    first: int = 1
    begins: int = 1
    size: int = 0

    def body(self) -> bytes:
        """The bytes that are authenticated."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":")).encode("ascii")


def archive_name(begins: int) -> str:
    """What a full file of the log is called: by the number of its first entry."""
    return f"audit-{begins:012d}.jsonl"


def archives(folder: Path) -> list[Path]:
    """The full files of the log, the oldest first."""
    # Of any other name it is no file of the log.
    return sorted(path for path in folder.glob("audit-*.jsonl") if _ARCHIVE.fullmatch(path.name))


def read_head(folder: Path, key: AuditKey) -> Head:
    """What the log says of itself.

    Raises:
        AuditError: It is damaged, or missing although there is a log.
    """
    path = folder / HEAD_NAME
    try:
        data = read_whole(path, most_bytes=_MAX_HEAD)
    except FileNotFoundError:
        left = (folder / CURRENT_NAME).exists() and (folder / CURRENT_NAME).stat().st_size
        if left or archives(folder):
            raise damaged(folder, f"{HEAD_NAME} is missing") from None
        return Head()
    except OSError as error:
        raise AuditError(f"cannot read {path}: {error.strerror or error}.") from error
    try:
        values = json.loads(data)
        mac = values.pop("mac")
        head = Head(**values)
        if not all(type(value) in (int, str) for value in values.values()):
            raise TypeError
        if not hmac.compare_digest(str(mac).encode(), key.mac(b"head", head.body()).encode()):
            raise ValueError
        return head
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise damaged(folder, f"{HEAD_NAME} is not as it was written, or {key.where} is another key") from None


def write_head(folder: Path, head: Head, key: AuditKey) -> None:
    """Replace what the log says of itself.

    Raises:
        AuditError: It cannot be written.
    """
    body = head.body()[:-1] + b',"mac":"' + key.mac(b"head", head.body()).encode() + b'"}\n'
    try:
        write_bytes(folder / HEAD_NAME, body, mode=0o600)
    except WriteError as error:
        raise AuditError(f"the audit log cannot be written: {error}") from error


def damaged(folder: Path, what: str) -> AuditError:
    """The error for a log that is not what was written."""
    return AuditError(
        f"the audit log in {folder} is damaged, or was changed by something else: {what}. See: siamlite audit verify; "
        "to begin anew, move the folder away."
    )
