"""What is written down of a tower: figures to six digits, the command, the machine; no place on it."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from edge_runtime.files import write_json

_FOLDERS = ("people", "crops", "descriptors", "index", "photos")


def write_result(folder: Path, name: str, values: dict[str, Any]) -> Path:
    """Write ``NAME.json``.

    Raises:
        WriteError: It cannot be written.
    """
    return write_json(folder / f"{name}.json", _rounded(values))


def command_line(arguments: argparse.Namespace) -> str:
    """The command with every file and folder by its name alone: where they lie is nobody's business."""
    words = ["python -m benchmarks.towers", *(shlex.quote(Path(given).name) for given in arguments.towers)]
    for text in arguments.float:
        name, _, path = text.partition("=")
        words.append(f"--float {shlex.quote(f'{name}={Path(path).name}')}")
    for name in _FOLDERS:
        if path := getattr(arguments, name):
            words.append(f"--{name} {shlex.quote(path.name)}")
    return " ".join([*words, *(["--no-att"] if arguments.no_att else [])])


def _rounded(value: Any) -> Any:
    """Floats to six digits."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
