"""What fuzzing, and looking for what to fuzz, has found: each once more."""

from __future__ import annotations

import json
import sqlite3
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.fuzz.galleries import NAMES, SPACE, access_of, made, rows_of
from edge_runtime.audit.head import archives
from edge_runtime.commands.printable import printable
from edge_runtime.errors import DataError, GalleryError, ImageError, UsageError
from edge_runtime.faces.align import DEFAULT_TEMPLATE, DLIB_TEMPLATE
from edge_runtime.files import read_json
from edge_runtime.gallery.crops import count_crops, pack_crops, unpack_crops
from edge_runtime.gallery.header import Space
from edge_runtime.gallery.records import EnrolledPerson, Quality, Template, pack_templates, unpack_qualities
from edge_runtime.gallery.store import Access, Gallery
from edge_runtime.home import expanded
from edge_runtime.images import decode_image, encode_image
from edge_runtime.outside.config import read_events
from edge_runtime.sources.names import picamera_number, video_device
from train.data.pairs import read_pairs
from train.recipe import load_config

CROP = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)


def one_line(error: BaseException) -> str:
    text = str(error)
    assert text == printable(text)
    assert len(text) < 1000
    return text


def test_json_that_is_nested_deeply(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match="nested too deeply"):
        read_json(tmp_path / "a.json", what="it")


@pytest.mark.parametrize("read", [picamera_number, video_device])
def test_a_camera_with_more_digits_than_python_reads(read: Any) -> None:
    words = "9" * 5000
    with pytest.raises(UsageError, match="no camera 9999") as refusal:
        read(f"picamera:{words}" if read is picamera_number else words)
    one_line(refusal.value)


@pytest.mark.parametrize("text", ["seed = " + "9" * 5000, "[tower]\nwidth = [" + "[" * 3000, "a = '\x01'"])
def test_toml_that_its_reader_does_not_expect(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text)
    for read in (lambda: load_config(str(path)), lambda: read_events(path)):
        with pytest.raises(UsageError, match="not valid TOML") as refusal:
            read()
        one_line(refusal.value)


@pytest.mark.parametrize("value", ["9" * 400, "nan", "'" + "x" * 3000 + "'"])
def test_numbers_that_no_place_takes(value: str, tmp_path: Path) -> None:
    for key in ("queue", "max_age_s", "timeout_s"):
        (tmp_path / "a.toml").write_text(f"[[command]]\nargv = ['x']\n{key} = {value}\n")
        with pytest.raises(UsageError, match=key) as refusal:
            read_events(tmp_path / "a.toml")
        one_line(refusal.value)


def test_the_home_of_nobody() -> None:
    with pytest.raises(UsageError, match="user that there is not"):
        expanded("~nobody-of-this-name/x")


def test_a_list_of_pairs_with_a_field_without_end(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text('a,"' + "x" * 200_000)
    with pytest.raises(DataError, match="line 1"):
        read_pairs(tmp_path / "pairs.csv")


# Pictures


def test_a_png_chunk_that_is_longer_than_the_file() -> None:
    data = bytearray(encode_image(CROP))
    data[33:37] = struct.pack(">I", 0x50000000)
    with pytest.raises(ImageError, match="cut short or damaged"):
        decode_image(bytes(data), name="x")


@pytest.mark.parametrize("head", [b"P5\n16000 16000\n255\n", b"P6\n9000 9000\n255\n"])
def test_a_small_file_that_says_it_is_a_huge_picture(head: bytes) -> None:
    with pytest.raises(ImageError, match=r"larger than 64 Mpx|can be decoded"):
        decode_image(head + bytes(100), name="x")


def test_a_png_of_more_pixels_than_are_read() -> None:
    data = bytearray(encode_image(CROP))
    data[16:24] = struct.pack(">II", 16_000, 16_000)
    with pytest.raises(ImageError, match="64 Mpx"):
        decode_image(bytes(data), name="x")


# Galleries


def gallery(tmp_path: Path) -> tuple[Path, Access]:
    access = access_of(tmp_path, "none")
    made(tmp_path / "g.db", access)
    return tmp_path / "g.db", access


def sql(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("kdf", "protection"),
    [
        ('{"n": 262144, "p": 16, "r": 8, "salt": "0011223344556677"}', "passphrase"),
        ('{"n": 131072, "p": 16, "r": 8, "salt": "0011223344556677"}', "passphrase"),
        ('{"n": "\\u001b[2J\\n", "p": 1, "r": 8, "salt": "0011223344556677"}', "passphrase"),
        ('{"n": 32768, "p": 1, "r": 8, "salt": "0011223344556677"}', "key"),
        ("", "passphrase"),
    ],
)
def test_scrypt_that_would_take_seconds_or_moves_a_cursor(kdf: str, protection: str, tmp_path: Path) -> None:
    path, _ = gallery(tmp_path)
    sql(path, f"UPDATE gallery SET protection = '{protection}', kdf = '{kdf}'")
    with pytest.raises(GalleryError) as refusal:
        Gallery.open(path, access=Access(protection=protection, ask=lambda what, new: "long enough"))
    one_line(refusal.value)


@pytest.mark.parametrize("column", ["tower", "fingerprint"])
def test_a_header_that_moves_a_cursor(column: str, tmp_path: Path) -> None:
    path, access = gallery(tmp_path)
    sql(path, f"UPDATE gallery SET {column} = char(27) || '[2J'")
    with pytest.raises(GalleryError, match="printable text") as refusal:
        Gallery.open(path, SPACE, access=access)
    one_line(refusal.value)


def test_what_sqlite_repeats_of_a_file_is_not_shown(tmp_path: Path) -> None:
    path, access = gallery(tmp_path)
    data = path.read_bytes()
    at = data.index(b"CREATE TABLE crops")
    path.write_bytes(data[: at + 60] + b"\xff\x1b[2J" + data[at + 65 :])
    with pytest.raises(GalleryError) as refusal:
        Gallery.open(path, SPACE, access=access)
    assert "CREATE" not in one_line(refusal.value)


PERSON = EnrolledPerson(name="Ann", templates=2, enrolled_at=1.7e9)


@pytest.mark.parametrize(
    "change",
    [
        {"at": float("nan")}, {"at": 1e300}, {"at": -1}, {"templates": 0}, {"templates": -3}, {"templates": 1e30},
        {"crops": 1}, {"tags": ["x" * 1000]}, {"tags": ["x"] * 1000}, {"notes": "x" * 100_000}, {"notes": "\x1b"},
    ],
)  # fmt: skip
def test_a_person_who_cannot_be(change: dict[str, Any]) -> None:
    """A time of NaN ended ``gallery list --json`` with an unexpected error; others were merely shown."""
    plain = PERSON.to_bytes()
    head, values = plain[:5], json.loads(plain[5:])
    assert EnrolledPerson.from_bytes(head + json.dumps(values).encode()) == PERSON
    assert EnrolledPerson.from_bytes(head + json.dumps(values | change).encode()) is None


def test_a_name_without_end_is_none() -> None:
    assert EnrolledPerson.from_bytes(struct.pack("<H", 60_000) + b"x" * 60_000 + PERSON.to_bytes()[5:]) is None


@pytest.mark.parametrize("wild", [float("nan"), float("inf"), 1e300, -1.0])
def test_a_moment_that_cannot_be(wild: float) -> None:
    packed = pack_templates(rows_of(0), [Quality(sharpness=1.0, interocular_px=1.0, added_at=wild)] * 2)
    assert unpack_qualities(packed) is None


def sample(picture: Any = CROP) -> Template:
    return Template(embedding=rows_of(0)[0], sharpness=1.0, interocular_px=1.0, crop_rgb=picture)


def test_crops_of_a_refiner_are_read_back() -> None:
    """Those of the tower that siamlite comes with could not be: their alignment was written without its refiner."""
    packed = pack_crops([sample()], DLIB_TEMPLATE)
    kept = unpack_crops(packed)
    assert kept.aligned_to == DLIB_TEMPLATE
    np.testing.assert_array_equal(kept.pictures_rgb[0], CROP)
    assert count_crops(packed) == 1
    assert kept.fitted(24, DLIB_TEMPLATE)[0] is kept.pictures_rgb[0]
    with pytest.raises(GalleryError, match="Enrol the people again"):
        kept.fitted(24, DEFAULT_TEMPLATE)


def test_crops_that_are_no_crops() -> None:
    head = json.dumps({"name": "x", "points": DEFAULT_TEMPLATE.points}).encode()
    large = encode_image(np.zeros((1025, 1025, 3), np.uint8))
    flat = encode_image(np.zeros((20, 24, 3), np.uint8))
    jpeg = encode_image(CROP, ".jpg")
    for picture in (large, flat, jpeg, b"", encode_image(CROP)[:60]):
        data = b"".join(struct.pack("<I", len(part)) + part for part in (head, picture))
        for read in (unpack_crops, count_crops):
            with pytest.raises(GalleryError, match="cannot be read"):
                read(data)
    deep = b"[" * 5000
    with pytest.raises(GalleryError, match="cannot be read"):
        unpack_crops(struct.pack("<I", len(deep)) + deep)


def test_a_tower_with_an_odd_name_gets_a_gallery_whose_header_is_words() -> None:
    class Card:
        name = "a\x1b[2J" + "x" * 1000

    class Tower:
        fingerprint, embedding_length, card = "ab", 16, Card()

    space = Space.of(Tower())
    assert space.tower == printable(space.tower)
    assert len(space.tower) <= 500


def test_other_people_of_the_tests_are_still_read(tmp_path: Path) -> None:
    path, access = gallery(tmp_path)
    with Gallery.open(path, SPACE, access=access) as opened:
        assert opened.matrix().names == NAMES


# The audit log


def test_a_file_of_another_name_is_no_part_of_the_log(tmp_path: Path) -> None:
    """Its name was read as a number when the log was rotated."""
    for name in ("audit-x.jsonl", "audit-000000000007.jsonl", "audit-.jsonl"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in archives(tmp_path)] == ["audit-000000000007.jsonl"]
