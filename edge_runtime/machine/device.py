"""The machine that something is measured on: its name, and what else it had to do."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

# Boards say who they are here; the other file is Linux's list of processors.
_BOARD = Path("/proc/device-tree/model")
_PROCESSORS = Path("/proc/cpuinfo")
_ACCOUNT = Path("/proc/stat")


def device_name() -> str:
    """The board or the processor, its cores and its architecture: "Raspberry Pi 5 Model B, 4 cores, aarch64"."""
    cores = os.cpu_count() or 1
    return f"{_model()}, {cores} {'core' if cores == 1 else 'cores'}, {platform.machine()}"


class OtherWork:
    """How many cores other processes keep busy, from the moment it is made: whether a measurement was disturbed."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._before = _others_seconds()

    def busy_cores(self) -> float | None:
        """Cores, on average since the start; None where the machine keeps no account (it is not Linux)."""
        after, wall = _others_seconds(), time.monotonic() - self._start
        if self._before is None or after is None or wall <= 0:
            return None
        return round(max(0.0, after - self._before) / wall, 1)


def _others_seconds() -> float | None:
    """Seconds of computing of all processes but this one and its children, since the machine was started."""
    try:
        words = _ACCOUNT.read_text(encoding="ascii").splitlines()[0].split()
        # user nice system idle iowait irq softirq steal: all but waiting.
        busy = sum(int(words[column]) for column in (1, 2, 3, 6, 7, 8)) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None
    return busy - sum(os.times()[:4])


def _model() -> str:
    try:
        if _BOARD.is_file():
            return _BOARD.read_text(encoding="utf-8").strip("\0\n ")
        for line in _PROCESSORS.read_text(encoding="utf-8").splitlines():
            if line.lower().startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    except (OSError, UnicodeDecodeError):
        pass
    return platform.processor() or "unknown processor"
