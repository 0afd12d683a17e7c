"""The model in a file, whether siamlite made it or somebody else."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from edge_runtime.errors import TowerError
from edge_runtime.towers.bundle import read_bundle
from edge_runtime.towers.preprocess import InputSpec
from export.preflight.operators import read_operators

_MAX_FILE = 512 << 20
_MAKE = "Make one: python -m export convert RUN --representative FACES --out tower.tflite"


def read_model(path: Path) -> tuple[bytes, InputSpec | None]:
    """Read a tower file or any ``.tflite`` file.

    Args:
        path: The file.

    Returns:
        The flatbuffer, and what it takes in if its card says so.

    Raises:
        TowerError: It cannot be read or is no TFLite file, or is a tower file that was damaged or changed.
    """
    try:
        if path.stat().st_size > _MAX_FILE:
            raise TowerError(f"{path} is larger than {_MAX_FILE >> 20} MiB: this is no tower.")
        data = path.read_bytes()
    except OSError as error:
        raise TowerError(f"cannot read {path}: {error.strerror or error}. Give a .tflite file.") from error
    if data[4:8] != b"TFL3":
        raise TowerError(f"{path} is no TFLite file: it lacks the TFL3 mark. {_MAKE}")
    if _has_card(data):
        bundle = read_bundle(path)
        return bundle.flatbuffer, bundle.card.input
    try:
        read_operators(data)
    except TowerError as error:
        raise TowerError(f"{path} is no whole TFLite file: it is cut short or damaged. Copy it again.") from error
    return data, None


def _has_card(data: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return "card.json" in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError):
        return False
