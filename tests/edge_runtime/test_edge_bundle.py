"""A tower file: what goes in comes out, the same parts give the same bytes, and nothing damaged gets through."""

from __future__ import annotations

import io
import json
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from edge_helpers import DAMAGES, Command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_runtime.errors import TowerError
from edge_runtime.files import sha256_bytes
from edge_runtime.towers.bundle import Bundle, pack_bundle, read_bundle
from edge_runtime.towers.tower import Tower


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=300), name=st.text(max_size=20), seed=st.integers(0, 99), count=st.integers(1, 3))
def test_what_is_packed_is_read(
    body: bytes, name: str, seed: int, count: int, tiny_tower_path: Path, tmp_path: Path
) -> None:
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(count, 64))
    bundle = Bundle(
        flatbuffer=b"\x1c\0\0\0TFL3" + body + b"!",
        card=replace(read_bundle(tiny_tower_path).card, name=name),
        golden_crops=generator.integers(0, 256, (count, 48, 48, 3), dtype=np.uint8),
        golden_embeddings=(rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32),
    )
    data = pack_bundle(bundle)
    assert data == pack_bundle(bundle)
    path = tmp_path / "t.tflite"
    path.write_bytes(data)
    back = read_bundle(path)
    assert (back.flatbuffer, back.card) == (bundle.flatbuffer, bundle.card)
    np.testing.assert_array_equal(back.golden_crops, bundle.golden_crops)
    np.testing.assert_array_equal(back.golden_embeddings, bundle.golden_embeddings)


def test_unzip_lists_the_members(tiny_tower_path: Path) -> None:
    with zipfile.ZipFile(tiny_tower_path) as archive:
        assert sorted(archive.namelist()) == ["card.json", "golden.npz", "hashes.json"]
        assert archive.testzip() is None
        hashes = json.loads(archive.read("hashes.json"))
    assert sha256_bytes(read_bundle(tiny_tower_path).flatbuffer) == hashes["flatbuffer"]["sha256"]


def test_the_tower_of_the_tests_is_small_and_free(tiny_tower_path: Path) -> None:
    card = read_bundle(tiny_tower_path).card
    assert tiny_tower_path.stat().st_size < 60_000
    assert card.licence == "CC0-1.0"
    assert card.training == {}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_tower_is_refused(damage: str, damaged_towers: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "tower.tflite"
    path.write_bytes(damaged_towers[damage])
    with pytest.raises(TowerError) as refusal:
        Tower.load(path)
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_command_line_refuses_it_in_one_line(
    damage: str, damaged_towers: dict[str, bytes], tmp_path: Path, siamlite: Command, att_faces: Path
) -> None:
    path, gallery = tmp_path / "tower.tflite", tmp_path / "g.db"
    path.write_bytes(damaged_towers[damage])
    line = siamlite.fails(3, "enroll", "x", "--tower", path, "--gallery", gallery, "--source", att_faces / "s1/1.pgm")
    assert str(path) in line
    assert list(tmp_path.iterdir()) == [path]


def test_every_flipped_byte_of_the_archive_is_noticed_or_harmless(tiny_tower_path: Path, tmp_path: Path) -> None:
    """Outside the hashes are only the archive's own records, such as a date: they change no member."""
    data, good = tiny_tower_path.read_bytes(), read_bundle(tiny_tower_path)
    path = tmp_path / "t.tflite"
    refused = 0
    places = np.random.default_rng(0).integers(0, len(data), 60).tolist() + list(range(len(data) - 22, len(data)))
    for place in places:
        flipped = bytearray(data)
        flipped[place] ^= 0x10
        path.write_bytes(flipped)
        try:
            back = read_bundle(path)
        except TowerError:
            refused += 1
        else:
            assert (back.flatbuffer, back.card) == (good.flatbuffer, good.card), place
            np.testing.assert_array_equal(back.golden_embeddings, good.golden_embeddings)
    assert refused > 60


@pytest.mark.parametrize("kind", ["empty", "huge", "nan", "plain-npy", "lying-header"])
def test_golden_vectors_that_cannot_be_are_refused(kind: str, tiny_tower_path: Path, tmp_path: Path) -> None:
    """Even with the right hashes, which whoever makes a file can write."""
    good = read_bundle(tiny_tower_path)
    golden = io.BytesIO()
    if kind == "huge":
        np.savez_compressed(golden, crops=np.zeros(64 << 20, np.uint8), embeddings=good.golden_embeddings)
    elif kind == "nan":
        np.savez(golden, crops=good.golden_crops, embeddings=np.full_like(good.golden_embeddings, np.nan))
    elif kind == "plain-npy":
        np.save(golden, good.golden_embeddings)
    elif kind == "lying-header":
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (1 << 62,)})
        with zipfile.ZipFile(golden, "w") as archive:
            archive.writestr("crops.npy", header.getvalue())
    members = {"golden.npz": golden.getvalue()}
    with zipfile.ZipFile(tiny_tower_path) as archive:
        members["card.json"] = archive.read("card.json")
        hashes = json.loads(archive.read("hashes.json"))
    hashes["members"] = {name: sha256_bytes(data) for name, data in members.items()}
    whole = io.BytesIO(good.flatbuffer)
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (members | {"hashes.json": json.dumps(hashes).encode()}).items():
            archive.writestr(name, data)
    path = tmp_path / "t.tflite"
    path.write_bytes(whole.getvalue())
    # One that is too large is not even unpacked: its shape is never looked at.
    with pytest.raises(TowerError, match="golden embeddings are not" if kind == "nan" else "golden vectors cannot"):
        read_bundle(path)


def test_a_missing_tower_says_how_to_give_one(tmp_path: Path, siamlite: Command) -> None:
    for path in (tmp_path / "none.tflite", tmp_path):
        with pytest.raises(TowerError, match="--tower"):
            read_bundle(path)
        line = siamlite.fails(3, "identify", "--tower", path, "--source", "0")
        assert str(path) in line


def test_a_pipe_is_no_tower_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TowerError, match="a pipe or a device"):
        read_bundle(tmp_path / "pipe")
