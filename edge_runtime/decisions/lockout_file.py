"""The rejections in a row, kept on the disk: pulling the plug does not end a lockout, nor does editing the file."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge_runtime.audit.alone import alone
from edge_runtime.audit.secret import AuditKey
from edge_runtime.decisions.lockout import LockoutPolicy, Moment, Row, left_s, looked_at, rejected
from edge_runtime.errors import AuditError, UsageError, WriteError
from edge_runtime.files import read_whole, write_bytes

FILE_NAME = "lockout.json"
_MAX_FILE = 16 << 20


class LockoutFile:
    """The rows of everybody who is claimed to be somewhere, and of identification."""

    def __init__(self, folder: Path, key: AuditKey, policy: LockoutPolicy | None = None) -> None:
        """Bind to a folder.

        Args:
            folder: Where the file is.
            key: What it is authenticated with.
            policy: When attempts must wait.
        """
        self.path = folder / FILE_NAME
        self._folder, self._key, self.policy = folder, key, policy or LockoutPolicy()

    def wait_s(self, who: str, now: Moment) -> float:
        """How long attempts as somebody must still wait, in seconds; it is written down from when that counts.

        Raises:
            AuditError: The file is damaged or cannot be written: nobody may be compared.
        """
        with self._changing() as rows:
            row = rows.get(who)
            if row is None or left_s(row, now) <= 0:
                return 0.0
            rows[who] = looked_at(row, now)
            return rows[who].wait_s

    def reject(self, who: str, now: Moment) -> float:
        """Count a rejection; returns how long the next attempt must wait, in seconds.

        Raises:
            AuditError: The file is damaged or cannot be written.
        """
        with self._changing() as rows:
            rows[who] = rejected(rows.get(who), self.policy, now)
            return rows[who].wait_s

    def accept(self, who: str) -> None:
        """End a row.

        Raises:
            AuditError: The file is damaged or cannot be written.
        """
        with self._changing() as rows:
            rows.pop(who, None)

    def rows(self) -> dict[str, Row]:
        """All rows.

        Raises:
            AuditError: The file is damaged.
        """
        try:
            data = read_whole(self.path, most_bytes=_MAX_FILE)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise AuditError(f"cannot read {self.path}: {error.strerror or error}.") from error
        rows = self._parsed(data)
        if rows is None:
            raise AuditError(
                f"the lockout in {self.path} is not as it was written, or {self._key.where} is another key: nobody is "
                "accepted. Find out why, then begin anew: siamlite lockout clear"
            )
        return rows

    def clear(self) -> int:
        """End all rows, also those of a damaged file; returns how many there were, as far as they can be read.

        Raises:
            AuditError: The file cannot be written.
        """
        with alone(self._folder):
            try:
                count = len(self.rows())
            except AuditError:
                count = 0
            self._write({})
            return count

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Row]]:
        """The rows, which are written back if they were changed."""
        with alone(self._folder):
            before = self.rows()
            rows = dict(before)
            yield rows
            if rows != before:
                self._write(rows)

    def _write(self, rows: dict[str, Row]) -> None:
        body = _body(rows)
        data = body[:-1] + b',"mac":"' + self._key.mac(b"lockout", body).encode() + b'"}\n'
        try:
            write_bytes(self.path, data, mode=0o600)
        except WriteError as error:
            raise AuditError(f"the lockout cannot be written, so nobody is accepted: {error}") from error

    def _parsed(self, data: bytes) -> dict[str, Row] | None:
        try:
            values = json.loads(data)
            mac = str(values.pop("mac"))
            rows = {str(who): _row(row) for who, row in values["rows"].items()}
            good = hmac.compare_digest(mac.encode(), self._key.mac(b"lockout", _body(rows)).encode())
            return rows if good else None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, UsageError):
            return None


def _body(rows: dict[str, Row]) -> bytes:
    values = {"rows": {who: asdict(row) for who, row in rows.items()}}
    return json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def _row(values: Any) -> Row:
    return Row(rejections=values["rejections"], wait_s=values["wait_s"], at=Moment(**values["at"]))
