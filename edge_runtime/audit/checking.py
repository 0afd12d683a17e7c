"""The log read back: every entry in its order, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.audit.chain import BEGINNING, Entry, entry_in
from edge_runtime.audit.head import CURRENT_NAME, Head, archives, read_head
from edge_runtime.audit.secret import AuditKey
from edge_runtime.errors import AuditError
from edge_runtime.files import read_whole

_MAX_PROBLEMS, _MAX_FILE = 20, 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedLog:
    """What was found.

    Attributes:
        entries: Those that are as they were written, in order.
        last: MAC of the last entry; note it elsewhere, and a log that is put back or begun anew is noticed.
        problems: What is wrong, a line each; empty if nothing is.
    """

    entries: tuple[Entry, ...]
    last: str
    problems: tuple[str, ...]

    @property
    def number(self) -> int:
        """Number of the last entry; 0 if there is none."""
        return self.entries[-1].number if self.entries else 0


def check_log(folder: Path, key: AuditKey, *, expect: tuple[int, str] | None = None) -> CheckedLog:
    """Read the whole log and check that nothing of it was cut, edited, reordered or added.

    Args:
        folder: Where it is.
        key: What it is authenticated with.
        expect: Number and MAC of an entry that was noted before and must still be in it.
    """
    problems: list[str] = []
    entries: list[Entry] = []
    noted = expect is None
    last = BEGINNING
    for place, found in _lines(folder, key, problems):
        if found is None:
            problems.append(f"{place} is not as it was written")
            continue
        entry, mac = found
        _follow(entries, last, entry, place, problems)
        entries.append(entry)
        last = mac
        noted = noted or expect == (entry.number, mac)
    _compare(_head(folder, key, problems), entries, last, problems)
    if expect is not None and not noted:
        problems.append(f"entry {expect[0]} is not the one that was noted: the log was replaced or begun anew")
    return CheckedLog(entries=tuple(entries), last=last, problems=tuple(problems[:_MAX_PROBLEMS]))


def _lines(folder: Path, key: AuditKey, problems: list[str]) -> Iterator[tuple[str, tuple[Entry, str] | None]]:
    """Every line of every file: where it is, and the entry in it."""
    for path in [*archives(folder), folder / CURRENT_NAME]:
        try:
            data = read_whole(path, most_bytes=_MAX_FILE) if path.name != CURRENT_NAME or path.exists() else b""
        except OSError as error:
            problems.append(f"{path.name} cannot be read: {error.strerror or error}")
            continue
        lines = data.split(b"\n")
        # What follows the last line end is what a power cut left of an entry that nobody was told of.
        if lines.pop() and path.name != CURRENT_NAME:
            problems.append(f"{path.name} ends within a line")
        for number, line in enumerate(lines, start=1):
            yield f"line {number} of {path.name}", entry_in(line, key)


def _follow(entries: list[Entry], last: str, entry: Entry, place: str, problems: list[str]) -> None:
    """Whether an entry follows the one before it."""
    if not entries:
        if entry.number == 1 and entry.previous != BEGINNING:
            problems.append(f"{place} is of another log")
        return
    before = entries[-1].number
    if entry.number > before + 1:
        problems.append(f"{place}: the entries from {before + 1} to {entry.number - 1} are missing")
    elif entry.number <= before:
        problems.append(f"{place}: entry {entry.number} comes after entry {before}")
    elif entry.previous != last:
        problems.append(f"{place} follows another entry than the one before it")


def _head(folder: Path, key: AuditKey, problems: list[str]) -> Head | None:
    try:
        return read_head(folder, key)
    except AuditError as error:
        problems.append(str(error))
        return None


def _compare(head: Head | None, entries: list[Entry], last: str, problems: list[str]) -> None:
    """Whether the log goes as far as it says."""
    if head is None:
        return
    number = entries[-1].number if entries else 0
    if number < head.number:
        problems.append(f"it was cut: the entries from {number + 1} to {head.number} are missing")
    elif number == head.number and last != head.last:
        problems.append("its last entry is not the one that was written last")
    elif number > head.number + 1:
        problems.append(f"entries were added behind entry {head.number}")
    if entries and entries[0].number > head.first:
        problems.append(f"the entries from {head.first} to {entries[0].number - 1} are missing")
