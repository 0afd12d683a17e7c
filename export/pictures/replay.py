"""Taking the representative set of an earlier export again."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from edge_runtime.errors import DataError
from edge_runtime.towers.bundle import read_bundle

_MOST = 100_000
_WAY = "Give a tower file that siamlite exported, or the card that it holds (unzip -p tower.tflite card.json)"


def read_representative_list(path: Path) -> tuple[str, ...]:
    """The pictures of an earlier representative set, in their order.

    Args:
        path: A tower file, or a JSON file: a card, or the ``representative`` object in it.

    Returns:
        SHA-256 of each picture's file.

    Raises:
        DataError: There is no list in it.
        TowerError: It is a tower file that cannot be trusted.
    """
    held = read_bundle(path).card.representative if path.suffix == ".tflite" else _read(path)
    files = held.get("files")
    hashes = [entry.get("sha256") for entry in files if isinstance(entry, dict)] if isinstance(files, list) else []
    valid = [digest for digest in hashes if isinstance(digest, str) and re.fullmatch("[0-9a-f]{64}", digest)]
    if not valid or len(valid) != len(files or ()) or len(valid) > _MOST:
        raise DataError(f"{path} holds no list of representative pictures. {_WAY}.")
    return tuple(valid)


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no JSON"
        raise DataError(f"cannot read the list of representative pictures, {path}: {reason}. {_WAY}.") from error
    inner = value.get("representative", value) if isinstance(value, dict) else None
    if not isinstance(inner, dict):
        raise DataError(f"{path} holds no list of representative pictures. {_WAY}.")
    return inner
