"""One process at a time: what is read, changed and written back is not changed by another one meanwhile."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from edge_runtime.errors import AuditError

_LOCK_NAME = "lock"


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let no other process write to the folder meanwhile.

    Raises:
        AuditError: The folder cannot be made or written to.
    """
    # Not on every system: imported where it is needed, so that the rest can be.
    import fcntl

    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(folder / _LOCK_NAME, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise AuditError(
            f"the audit log in {folder} cannot be written: {error.strerror or error}. Free some space, or choose "
            "another folder by $SIAMLITE_HOME."
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
