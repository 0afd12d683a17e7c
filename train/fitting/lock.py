"""One training at a time in a run folder."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from edge_runtime.errors import UsageError, WriteError

try:
    import fcntl
except ImportError:  # Windows has no such locks; there two trainings in one folder are the user's to avoid.
    fcntl = None  # type: ignore[assignment,unused-ignore]


@contextlib.contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Hold a run folder for this process; the operating system lets go of it when the process ends, however it does.

    Raises:
        UsageError: Another process trains in the folder.
        WriteError: The folder cannot be written.
    """
    # Beside the folder, not in it: a lock is no reason to make a folder for a run that is refused.
    path = folder.parent / f".{folder.name}.lock"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        handle = _acquire(path)
    except BlockingIOError as error:
        raise UsageError(f"another process is training in {folder}. Wait for it, or choose another --out.") from error
    except OSError as error:
        raise WriteError(f"cannot write beside {folder}: {error.strerror or error}. Choose another --out.") from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _acquire(path: Path) -> int:
    """Open and lock a file; once more if it was removed between the two by the process that held it."""
    while True:
        handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
        try:
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and path.stat().st_ino == os.fstat(handle).st_ino:
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
