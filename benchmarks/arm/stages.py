"""Folders that are made once: whole and marked, or made again."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from edge_runtime.commands.console import say
from edge_runtime.errors import DataError, UsageError, WriteError
from edge_runtime.files import read_json, write_json

MARK = "complete.json"


def once(folder: Path, inputs: Mapping[str, object], make: Callable[[Path], None], *, what: str) -> Path:
    """A folder that is filled once; a whole one is taken as it is, and anything else is removed and made anew.

    It is filled under another name beside its own and takes its name when it is whole, so an interruption at any time
    leaves no folder that looks finished. Its mark says what it was made from and how much is in it: a folder that was
    made from something else, or that lost a file or a part of one since, is not whole.

    Args:
        folder: The folder.
        inputs: What decides its content, as JSON holds it.
        make: Fills the empty folder that it is given.
        what: What is made, for the user who waits.

    Returns:
        The folder.

    Raises:
        WriteError: It cannot be written.
        SiamliteError: Whatever ``make`` raises; nothing is left behind that looks finished.
    """
    if is_whole(folder, inputs):
        return folder
    say(f"{what} …")
    part = folder.with_name(f"{folder.name}.part")
    try:
        for old in (part, folder):
            if old.exists():
                shutil.rmtree(old)
        part.mkdir(parents=True)
        make(part)
        files, size = _content(part)
        write_json(part / MARK, {"inputs": dict(inputs), "files": files, "bytes": size})
        os.replace(part, folder)
    except OSError as error:
        raise WriteError(
            f"cannot write {folder}: {error.strerror or error}. Free some space, or choose another folder with "
            "SIAMLITE_CACHE=DIR."
        ) from error
    return folder


def is_whole(folder: Path, inputs: Mapping[str, object]) -> bool:
    """Whether a folder was finished, from these inputs, and still holds as many files and bytes as then."""
    if not (folder / MARK).is_file():
        return False
    try:
        mark = read_json(folder / MARK, what="a mark")
    except DataError:
        return False
    return (mark.get("inputs"), mark.get("files"), mark.get("bytes")) == (dict(inputs), *_content(folder))


def _content(folder: Path) -> tuple[int, int]:
    """Number and total size of the files at any depth, the mark apart; links count, but are not followed."""
    files = size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            if Path(place, name) != folder / MARK:
                files += 1
                size += os.lstat(Path(place, name)).st_size
    return files, size


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder for this process; the operating system lets go of it when the process ends, however it does.

    Raises:
        UsageError: Another process works in it.
        WriteError: It cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise WriteError(
            f"cannot write {folder}: {error.strerror or error}. Choose another folder with SIAMLITE_CACHE=DIR."
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise UsageError(f"another process works in {folder}. Wait for it to end.") from error
    finally:
        os.close(handle)
