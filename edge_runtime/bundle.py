"""One file that explains itself: a TFLite flatbuffer with a zip archive behind it.

TFLite's own convention for associated files: ``unzip -l tower.tflite`` lists them, every interpreter ignores them.

==============  =====================================================================================
``card.json``   the model card (:mod:`edge_runtime.card`)
``golden.npz``  ``crops`` uint8 (n, size, size, 3) RGB and ``embeddings`` float32 (n, d), unit length
``hashes.json`` SHA-256 and length of the flatbuffer, SHA-256 of the two members above
==============  =====================================================================================

The hashes guard against damage and careless edits; they do not prove who made the file.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.card import Card, card_from_json, card_to_json
from edge_runtime.errors import TowerError
from edge_runtime.files import sha256_bytes

_MEMBER_LIMITS = {"card.json": 4 << 20, "golden.npz": 32 << 20, "hashes.json": 64 << 10}
_MAX_FILE = 512 << 20
_AGAIN = "Copy it again, or export it again: python -m export convert RUN --out tower.tflite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The parts of a tower file.

    Attributes:
        flatbuffer: The TFLite model.
        card: The model card.
        golden_crops: uint8 of shape (n, size, size, 3), RGB, aligned.
        golden_embeddings: float32 of shape (n, d), unit length: what the crops must give.
    """

    flatbuffer: bytes
    card: Card
    golden_crops: npt.NDArray[np.uint8]
    golden_embeddings: npt.NDArray[np.float32]


def pack_bundle(bundle: Bundle) -> bytes:
    """The bytes of a tower file; the same parts always give the same bytes."""
    golden = io.BytesIO()
    np.savez(golden, crops=bundle.golden_crops, embeddings=bundle.golden_embeddings)
    members = {"card.json": card_to_json(bundle.card), "golden.npz": golden.getvalue()}
    hashes: dict[str, Any] = {
        "flatbuffer": {"bytes": len(bundle.flatbuffer), "sha256": sha256_bytes(bundle.flatbuffer)},
        "members": {name: sha256_bytes(data) for name, data in members.items()},
    }
    members["hashes.json"] = (json.dumps(hashes, indent=2, sort_keys=True) + "\n").encode()
    whole = io.BytesIO(bundle.flatbuffer)
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return whole.getvalue()


def read_bundle(path: str | Path) -> Bundle:
    """Read a tower file and check every byte of it.

    Raises:
        TowerError: It is missing, truncated, foreign, or was changed after it was made.
    """
    data = _read_file(Path(path))
    members = _read_members(data, str(path))
    flatbuffer = _checked_flatbuffer(data, members, str(path))
    card = card_from_json(members["card.json"])
    crops, embeddings = _read_golden(members["golden.npz"], card, str(path))
    return Bundle(flatbuffer=flatbuffer, card=card, golden_crops=crops, golden_embeddings=embeddings)


def _read_file(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_FILE:
            raise TowerError(f"{path} is larger than {_MAX_FILE >> 20} MiB: this is no tower.")
        return path.read_bytes()
    except OSError as error:
        raise TowerError(f"cannot read the tower {path}: {error.strerror or error}. Give one with --tower.") from error


def _read_members(data: bytes, name: str) -> dict[str, bytes]:
    """The archive's members, exactly the known ones and none larger than it may be."""
    if data[4:8] != b"TFL3":
        raise TowerError(f"{name} is not a siamlite tower: it does not begin as a TFLite file. {_AGAIN}")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            names = sorted(entry.filename for entry in entries)
            if names != sorted(_MEMBER_LIMITS):
                held = ", ".join(names) or "nothing"
                raise TowerError(f"{name} is not a siamlite tower: its archive holds {held}. {_AGAIN}")
            for entry in entries:
                if entry.file_size > _MEMBER_LIMITS[entry.filename]:
                    raise TowerError(f"{name}: its {entry.filename} is too large. {_AGAIN}")
            return {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise TowerError(
            f"{name} is not a whole siamlite tower: it is truncated, or a TFLite file without a card. {_AGAIN}"
        ) from error


def _checked_flatbuffer(data: bytes, members: dict[str, bytes], name: str) -> bytes:
    try:
        hashes = json.loads(members["hashes.json"])
        length, digest = int(hashes["flatbuffer"]["bytes"]), str(hashes["flatbuffer"]["sha256"])
        expected = {str(member): str(value) for member, value in hashes["members"].items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise TowerError(f"{name}: its list of hashes cannot be read. {_AGAIN}") from error
    for member in ("card.json", "golden.npz"):
        if expected.get(member) != sha256_bytes(members[member]):
            raise TowerError(f"{name}: its {member} was changed after the tower was made. {_AGAIN}")
    flatbuffer = data[:length]
    if length <= 8 or data[length : length + 4] != b"PK\x03\x04" or sha256_bytes(flatbuffer) != digest:
        raise TowerError(f"{name}: its model was changed after the tower was made, or is damaged. {_AGAIN}")
    return flatbuffer


def _read_golden(data: bytes, card: Card, name: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MEMBER_LIMITS["golden.npz"]:
                raise ValueError("they are too large")
        with np.load(io.BytesIO(data), allow_pickle=False) as golden:
            crops, embeddings = golden["crops"], golden["embeddings"]
    except (ValueError, KeyError, OSError, EOFError, MemoryError, zlib.error, zipfile.BadZipFile) as error:
        raise TowerError(f"{name}: its golden vectors cannot be read. {_AGAIN}") from error
    side, count = card.input.size_px, len(crops)
    shapes_agree = crops.shape == (count, side, side, 3) and embeddings.shape == (count, card.embedding_length)
    if count < 1 or not shapes_agree or crops.dtype != np.uint8 or embeddings.dtype != np.float32:
        raise TowerError(f"{name}: its golden vectors do not fit its card. {_AGAIN}")
    if not (np.abs(np.linalg.norm(embeddings, axis=1) - 1) < 1e-3).all():
        raise TowerError(f"{name}: its golden embeddings are not of length 1. {_AGAIN}")
    return crops, embeddings
