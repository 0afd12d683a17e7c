"""The work folder of a preparation: half-made faces, and a journal that lets the same command go on.

``.FACES.part`` lies beside the folder FACES that is being made and holds ``faces/`` and ``journal.jsonl``: a line of
settings, then one line for each photograph that is done. A process that is killed loses at most the line that it was
writing. The faces take the name FACES in one step when all of them are there.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from edge_runtime.errors import UsageError, WriteError
from train.prepare.cut import Record

_log = logging.getLogger(__name__)


class Work:
    """A work folder that this process holds alone.

    Attributes:
        target: The folder that is being made.
        folder: The work folder.
        faces: Where the faces are until then.
        done: The records of an interrupted preparation with the same settings, by photograph.
    """

    def __init__(self, target: Path, journal: TextIO, done: dict[str, Record]) -> None:
        """Take over an open, locked journal (see :func:`open_work`)."""
        self.target = target
        self.folder = work_folder(target)
        self.faces = self.folder / "faces"
        self.done = done
        self._journal = journal

    def note(self, record: Record) -> None:
        """Add a record to the journal.

        Raises:
            WriteError: It cannot be written.
        """
        if self.done.get(record.picture) == record:
            return
        try:
            self._journal.write(json.dumps(asdict(record), ensure_ascii=False) + "\n")
            self._journal.flush()
        except OSError as error:
            raise WriteError(f"cannot write into {self.folder}: {error.strerror or error}. Free some space.") from error

    def remove(self) -> None:
        """Remove the work folder, or what this program put into it."""
        shutil.rmtree(self.faces, ignore_errors=True)
        with contextlib.suppress(OSError):
            (self.folder / "journal.jsonl").unlink()
            self.folder.rmdir()

    def put_in_place(self) -> None:
        """Give the finished faces the target's name; a folder that has it is moved aside first and then removed.

        Raises:
            WriteError: A folder cannot be renamed; what stood at the target stands there still.
        """
        os.sync()
        aside = self.target.parent / f".{self.target.name}.old"
        try:
            if self.target.exists():
                shutil.rmtree(aside, ignore_errors=True)
                self.target.rename(aside)
            self.faces.rename(self.target)
        except OSError as error:
            if aside.exists() and not self.target.exists():
                aside.rename(self.target)
            raise WriteError(f"cannot write {self.target}: {error.strerror or error}. Nothing was changed.") from error
        shutil.rmtree(aside, ignore_errors=True)


def work_folder(target: Path) -> Path:
    """The work folder of a target: hidden, and beside it."""
    return target.parent / f".{target.name}.part"


@contextlib.contextmanager
def open_work(target: Path, settings: dict[str, Any]) -> Iterator[Work]:
    """Open the work folder of a target: an interrupted preparation's if its settings are the same, else a new one.

    Args:
        target: The folder to make.
        settings: All that the faces depend on besides the photographs, as JSON holds it.

    Yields:
        The work folder, locked against other processes.

    Raises:
        UsageError: Another process prepares the same folder.
        WriteError: The work folder cannot be made.
    """
    folder = work_folder(target)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        journal = open(folder / "journal.jsonl", "a+", encoding="utf-8")  # noqa: SIM115 (it stays open)
    except OSError as error:
        raise WriteError(f"cannot write beside {target}: {error.strerror or error}. Choose another --out.") from error
    with journal:
        try:
            fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(
                f"another process is preparing {target} right now. Wait for it, or choose another --out."
            ) from error
        yield Work(target, journal, _go_on(journal, folder, settings))


def _go_on(journal: TextIO, folder: Path, settings: dict[str, Any]) -> dict[str, Record]:
    """The records of the journal; an empty one, and an empty folder of faces, if it has other settings."""
    journal.seek(0)
    lines = journal.read().split("\n")
    head, done = _parse(lines[0]), {}
    if head == settings:
        for line in lines[1:]:
            with contextlib.suppress(TypeError):
                record = Record(**(_parse(line) or {}))
                done[record.picture] = record
        # The next record must not be glued to a line that was cut off.
        journal.write("\n" if lines[-1] else "")
        _log.info("going on with an interrupted preparation: %d photographs were done", len(done))
        return done
    if head is not None:
        _log.warning("an interrupted preparation with other settings is thrown away: starting anew")
    try:
        shutil.rmtree(folder / "faces", ignore_errors=True)
        os.ftruncate(journal.fileno(), 0)
        journal.write(json.dumps(settings, ensure_ascii=False) + "\n")
        journal.flush()
    except OSError as error:
        raise WriteError(f"cannot write into {folder}: {error.strerror or error}. Free some space.") from error
    return done


def _parse(line: str) -> dict[str, Any] | None:
    """The object of a line; None if the line was cut off."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
