"""What fuzzing tower files has found: each once more."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.fuzz.towers import TINY, rehashed
from edge_runtime.arrays import arrays_in
from edge_runtime.commands.printable import printable
from edge_runtime.errors import TowerError
from edge_runtime.towers.bundle import read_bundle, unpack_contents
from edge_runtime.towers.card import card_from_json
from edge_runtime.towers.trust import Trust


def one_line(error: BaseException) -> str:
    text = str(error)
    assert text == printable(text)
    assert len(text) < 1000
    return text


def tower(tmp_path: Path, *, golden: bytes | None = None, **changes: Any) -> Path:
    contents = unpack_contents(TINY.read_bytes(), "tiny")
    card = json.loads(contents.members["card.json"]) | changes
    path = tmp_path / "t.tflite"
    path.write_bytes(rehashed(contents.flatbuffer, json.dumps(card).encode(), golden or contents.members["golden.npz"]))
    return path


def refused(path: Path) -> str:
    with pytest.raises(TowerError) as refusal:
        read_bundle(path, trust=Trust.anyone())
    return one_line(refusal.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": 5}, {"name": ["x"]}, {"training": []}, {"runtimes": {"a": 1}}, {"versions": "x"}, {"runtime": None},
        {"\x1b[2J": 1}, {"embedding_length": "\x1b" * 3000}, {"metric": "x" * 10_000}, {"default_fmr": [1] * 5000},
        {"input": {"size_px": 10**400, "colour": "grey"}},
    ],
)  # fmt: skip
def test_a_card_with_something_else_in_it_than_it_is_taken_for(changes: dict[str, Any], tmp_path: Path) -> None:
    refused(tower(tmp_path, **changes))


@pytest.mark.parametrize("change", [{"fmr": 7}, {"impostor_pairs": -1}, {"threshold": True}, {"genuine_pairs": 0.5}])
def test_a_card_with_rates_that_are_none(change: dict[str, Any]) -> None:
    card = json.loads(unpack_contents(TINY.read_bytes(), "tiny").members["card.json"])
    card_from_json(json.dumps(card).encode())
    card["thresholds"][0] |= change
    with pytest.raises(TowerError, match="cannot be read"):
        card_from_json(json.dumps(card).encode())


def npz(method: int = zipfile.ZIP_STORED, **arrays: Any) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, array in arrays.items():
            part = io.BytesIO()
            if isinstance(array, bytes):
                part.write(array)
            else:
                np.lib.format.write_array(part, np.asarray(array), allow_pickle=False)
            archive.writestr(f"{name}.npy", part.getvalue())
    return out.getvalue()


HEADER = b"\x93NUMPY\x01\x00"
OLD = b"{'descr': '|u1', 'fortran_order': False, 'shape': (2L,), }\n"
GOLDEN = {
    "scalar": npz(crops=np.uint8(3), embeddings=np.float32(1)),
    "no array": npz(crops=b"text", embeddings=b""),
    "lzma": npz(zipfile.ZIP_LZMA, crops=np.zeros((1, 48, 48, 3), np.uint8), embeddings=np.ones((1, 64), np.float32)),
    "bzip2": npz(zipfile.ZIP_BZIP2, crops=np.zeros((1, 48, 48, 3), np.uint8), embeddings=np.ones((1, 64), np.float32)),
    "one more": npz(crops=np.uint8(3), embeddings=np.float32(1), more=np.float32(1)),
    "half a word": npz(crops=HEADER + b"\3\0'''", embeddings=b""),
    "brackets": npz(crops=HEADER + struct.pack("<H", 5000) + b"(" * 5000, embeddings=b""),
    "text": npz(crops=np.array(["a"]), embeddings=np.array(["b"])),
    "too large to square": npz(crops=np.zeros((1, 48, 48, 3), np.uint8), embeddings=np.full((1, 64), 3e38, np.float32)),
    "python 2": npz(crops=HEADER + struct.pack("<H", len(OLD)) + OLD, embeddings=b""),
}  # fmt: skip


@pytest.mark.parametrize("kind", GOLDEN)
def test_golden_vectors_that_end_no_program(kind: str, tmp_path: Path) -> None:
    assert "golden" in refused(tower(tmp_path, golden=GOLDEN[kind]))


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_members_are_packed_in_no_other_way(method: int, tmp_path: Path) -> None:
    contents = unpack_contents(TINY.read_bytes(), "tiny")
    whole = io.BytesIO()
    whole.write(contents.flatbuffer)
    with zipfile.ZipFile(whole, "w", method) as archive:
        for name, data in contents.members.items():
            archive.writestr(name, data)
    (tmp_path / "t.tflite").write_bytes(whole.getvalue())
    assert "packed" in refused(tmp_path / "t.tflite")


def test_arrays_come_back_as_they_were() -> None:
    first, second = np.arange(6.0).reshape(2, 3), np.array([1, 2], np.uint8)
    back = arrays_in(npz(zipfile.ZIP_DEFLATED, a=first, b=second), ("a", "b"), most_bytes=1000)
    np.testing.assert_array_equal(back["a"], first)
    np.testing.assert_array_equal(back["b"], second)
    with pytest.raises(ValueError, match="cannot be read"):
        arrays_in(npz(a=first), ("a",), most_bytes=10)
