"""What is written down of a measurement: the figures, the command, the machine, the versions."""

from __future__ import annotations

import argparse
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edge_runtime.errors import DataError
from edge_runtime.files import read_json, write_json

PARTS = ("fashion", "losses", "att")
_PACKAGES = ("tensorflow", "keras", "numpy")


def write_result(folder: Path, part: str, values: dict[str, Any], *, command: str) -> Path:
    """Write ``PART.json``.

    Args:
        folder: Where to.
        part: One of :data:`PARTS`.
        values: The figures; floats are kept to five digits.
        command: The command that gave them.

    Raises:
        WriteError: It cannot be written.
    """
    head = {"command": command, "machine": machine(), "versions": {name: version(name) for name in _PACKAGES}}
    return write_json(folder / f"{part}.json", {**head, **_rounded(values)})


def read_result(folder: Path, part: str) -> dict[str, Any]:
    """Read ``PART.json``.

    Raises:
        DataError: It is missing or damaged.
    """
    path = folder / f"{part}.json"
    if not path.is_file():
        raise DataError(f"{path} is missing. Measure it: python -m benchmarks.seeds {part}")
    return read_json(path, what=f"the result of the part {part}")


def machine() -> dict[str, Any]:
    """The processor's name and the number of cores that this process may use."""
    return {"processor": _processor(Path("/proc/cpuinfo")), "cores": len(os.sched_getaffinity(0))}


def _processor(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def command_of(part: str, arguments: argparse.Namespace, *names: str) -> str:
    """The command line of a part, with the options that change the figures."""
    words = ["python -m benchmarks.seeds", part]
    for name in names:
        value = getattr(arguments, name)
        shown = " ".join(map(str, value)) if isinstance(value, list) else str(value)
        words += [f"--{name.replace('_', '-')}", shown]
    return " ".join(words)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value
