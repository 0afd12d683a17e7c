"""How much memory this process takes."""

from __future__ import annotations

from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_bytes() -> int | None:
    """The most memory that this process had resident at once; None where the system does not say.

    Not ``getrusage``: its figure outlives ``exec``, so that it would be the peak of whoever started this process.
    """
    return _status("VmHWM:")


def resident_bytes() -> int | None:
    """The memory that this process has resident now; None where the system does not say."""
    return _status("VmRSS:")


def _status(name: str) -> int | None:
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))
    except (OSError, ValueError, IndexError, StopIteration):
        return None
