"""Keeping what C++ libraries print off the terminal: an error of siamlite is one line, and nothing else."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator

# Standard error is one for the whole process: two threads that redirect it at once would lose it.
_LOCK = threading.RLock()


@contextlib.contextmanager
def quiet_stderr() -> Iterator[Callable[[], str]]:
    """Hold back whatever is written to standard error, by C and C++ code too, while the block runs.

    Yields:
        A function that returns what was held back so far.
    """
    if sys.stderr is not None:
        sys.stderr.flush()
    with _LOCK, tempfile.TemporaryFile() as sink:
        saved = os.dup(2)

        def said() -> str:
            if sys.stderr is not None:
                sys.stderr.flush()
            sink.seek(0)
            return sink.read().decode(errors="replace")

        try:
            os.dup2(sink.fileno(), 2)
            yield said
        finally:
            os.dup2(saved, 2)
            os.close(saved)
