"""The log that is written: one line for each thing that happened, on the disk before anybody is told of it."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

from edge_runtime.audit.alone import alone
from edge_runtime.audit.chain import Detail, Entry, entry_in, line_of
from edge_runtime.audit.head import CURRENT_NAME, Head, archive_name, archives, damaged, read_head, write_head
from edge_runtime.audit.secret import AuditKey
from edge_runtime.errors import AuditError, UsageError
from edge_runtime.files import open_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """How large the log may become.

    Attributes:
        max_bytes: Length from which on a file is full and another one begun.
        keep: How many full files are kept; the oldest is deleted then.
    """

    max_bytes: int = 1 << 20
    keep: int = 10

    def __post_init__(self) -> None:
        """Refuse what would keep nothing."""
        if self.max_bytes < 1 or self.keep < 1:
            raise UsageError(
                f"a log keeps at least one file of at least one byte, not {self.keep} of {self.max_bytes}."
            )


class AuditLog:
    """A log in a folder. Several processes may write to it."""

    def __init__(self, folder: Path, key: AuditKey, rotation: Rotation | None = None) -> None:
        """Bind to a folder, which is made with the first entry.

        Args:
            folder: Where the files are.
            key: What they are authenticated with.
            rotation: How large the log may become.
        """
        self.folder, self.key, self.rotation = folder, key, rotation or Rotation()

    def append(self, event: str, details: dict[str, Detail], *, at: float | None = None) -> Entry:
        """Write an entry; when this returns it is on the disk.

        Args:
            event: What kind of thing happened.
            details: More of it.
            at: When, in seconds since 1970; now if None.

        Raises:
            AuditError: It cannot be written, or the log is not whole. The entry is not in it.
        """
        with alone(self.folder):
            head = self._rotated(self._recovered(read_head(self.folder, self.key)))
            moment = round(time.time() if at is None else at, 3)
            entry = Entry(number=head.number + 1, at=moment, event=event, details=details, previous=head.last)
            line = line_of(entry, self.key)
            self._write(line, head.size)
            after = replace(head, number=entry.number, last=entry.mac(self.key), size=head.size + len(line))
            write_head(self.folder, after, self.key)
            return entry

    def _write(self, line: bytes, size: int) -> None:
        path = self.folder / CURRENT_NAME
        try:
            # Not to wait for ever for somebody who reads, if a pipe is in its place.
            flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
            handle = os.open(path, flags, 0o600)
            try:
                written = os.write(handle, line)
                if written != len(line):
                    raise OSError(None, "the disk is full")
                os.fsync(handle)
            except OSError:
                # Half a line would be taken for what a power cut left.
                with contextlib.suppress(OSError):
                    os.ftruncate(handle, size)
                raise
            finally:
                os.close(handle)
        except OSError as error:
            raise AuditError(
                f"the audit log {path} cannot be written: {error.strerror or error}. Free some space, or go on "
                "without a log: $SIAMLITE_AUDIT=best-effort."
            ) from error

    def _recovered(self, head: Head) -> Head:
        """The head, brought up to what a crash left: an entry that is not counted yet, or a part of one.

        Raises:
            AuditError: The file is shorter than it was, or longer by what is no entry of this log.
        """
        path = self.folder / CURRENT_NAME
        size = path.stat().st_size if path.exists() else 0
        if size == head.size:
            return head
        if size < head.size:
            full = self.folder / archive_name(head.begins)
            if not size and full.exists() and full.stat().st_size == head.size:
                return replace(head, begins=head.number + 1, size=0)
            raise damaged(self.folder, f"{CURRENT_NAME} was cut")
        try:
            with open_whole(path, most_bytes=1 << 40) as stream:
                stream.seek(head.size)
                extra = stream.read(1 << 16)
            if b"\n" not in extra:
                os.truncate(path, head.size)
                return head
        except OSError as error:
            raise AuditError(f"cannot read the audit log {path}: {error.strerror or error}.") from error
        found = entry_in(extra[:-1], self.key) if extra.endswith(b"\n") else None
        if found is None or found[0].number != head.number + 1 or found[0].previous != head.last:
            raise damaged(self.folder, f"something was added to {CURRENT_NAME}")
        return replace(head, number=found[0].number, last=found[1], size=size)

    def _rotated(self, head: Head) -> Head:
        """The head, after a full file was put aside and old ones were deleted."""
        if head.size < self.rotation.max_bytes:
            return head
        try:
            os.replace(self.folder / CURRENT_NAME, self.folder / archive_name(head.begins))
        except OSError as error:
            raise AuditError(f"the audit log in {self.folder} cannot be rotated: {error.strerror or error}.") from error
        kept = archives(self.folder)[-self.rotation.keep :]
        first = int(kept[0].stem.removeprefix("audit-"))
        after = replace(head, begins=head.number + 1, size=0, first=max(head.first, first))
        # Said before it is done: whoever finds fewer files than are said to be kept knows that somebody took them.
        write_head(self.folder, after, self.key)
        for path in archives(self.folder)[: -self.rotation.keep]:
            with contextlib.suppress(OSError):
                path.unlink()
        return after
