"""One line of the log: what happened, tied to the line before it by a keyed hash."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from typing import TypeAlias

from edge_runtime.audit.secret import AuditKey

Detail: TypeAlias = str | int | float | bool | None
BEGINNING = "0" * 64
_MAX_LINE = 8192
_DIGITS = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What happened.

    Attributes:
        number: 1, 2, 3, … without a gap, over all files of the log.
        at: When, in seconds since 1970, by the clock of the device.
        event: What kind of thing, such as ``"decision"``.
        details: More of it. Never a template, a picture, a similarity, or a name as it is.
        previous: The MAC of the entry before; :data:`BEGINNING` of the first one.
    """

    number: int
    at: float
    event: str
    details: dict[str, Detail]
    previous: str

    def body(self) -> bytes:
        """The bytes that are authenticated: one form for the same entry."""
        values = {
            "number": self.number,
            "at": self.at,
            "event": self.event,
            "details": self.details,
            "previous": self.previous,
        }
        return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode(
            "ascii"
        )

    def mac(self, key: AuditKey) -> str:
        """What ties the next entry to this one; 64 hexadecimal digits."""
        return key.mac(b"entry", self.body())


def line_of(entry: Entry, key: AuditKey) -> bytes:
    """An entry as a line of JSON, with its MAC and a line end."""
    return entry.body()[:-1] + b',"mac":"' + entry.mac(key).encode() + b'"}\n'


def entry_in(line: bytes, key: AuditKey) -> tuple[Entry, str] | None:
    """The entry of a line without its line end, and its MAC; None if the line is not as it was written."""
    try:
        if len(line) > _MAX_LINE:
            return None
        values = json.loads(line)
        mac = values.pop("mac")
        entry = Entry(**values)
        plain = type(entry.number) is int and isinstance(entry.details, dict) and _is_mac(entry.previous)
        # The line itself is compared, not what it means: there is one way to write an entry.
        whole = plain and isinstance(mac, str) and line == line_of(entry, key)[:-1]
        return (entry, mac) if whole and hmac.compare_digest(mac.encode(), entry.mac(key).encode()) else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return None


def _is_mac(text: object) -> bool:
    return isinstance(text, str) and len(text) == len(BEGINNING) and set(text) <= _DIGITS
