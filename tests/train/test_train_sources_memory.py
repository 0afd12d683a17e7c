import json
import logging
import os

import numpy as np
import pytest
from source_helpers import pattern, picture_files, write_files, write_idx, write_zip

from edge_runtime.errors import DataError, WriteError
from edge_runtime.towers.preprocess import InputSpec
from train.data.faces import load_faces
from train.data.memory import picture_cache

RGB = InputSpec(size_px=16, colour="rgb")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SIAMLITE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pictures"


@pytest.fixture
def folder(tmp_path):
    files = picture_files(people=3, pictures=3)
    files["p1/1.png"] = b"no picture"
    return write_files(tmp_path / "people", files)


def mapped(place, spec=RGB):
    return load_faces(place, spec, in_memory_bytes=0)


def kept(cache):
    return sorted(path.suffix for path in cache.iterdir())


def same(left, right):
    np.testing.assert_array_equal(left.pixels, right.pixels)
    assert left.labels.tolist() == right.labels.tolist()
    fields = ("people", "names", "hashes", "skipped", "template", "halves")
    assert [getattr(left, name) for name in fields] == [getattr(right, name) for name in fields]


def test_a_small_set_is_not_cached(folder, cache):
    assert not isinstance(load_faces(folder, RGB).pixels, np.memmap)
    assert not cache.exists()


def test_a_memory_map_holds_what_memory_holds(folder, cache):
    plain = load_faces(folder, RGB)
    first = mapped(folder)
    assert isinstance(first.pixels, np.memmap)
    assert not first.pixels.flags.writeable
    same(first, plain)
    same(mapped(folder), plain)
    assert kept(cache) == [".json", ".npy"]
    assert picture_cache() == cache


@pytest.mark.parametrize("kind", ["idx", "zip"])
def test_other_sources_are_mapped_alike(tmp_path, kind):
    if kind == "idx":
        write_idx(tmp_path / "set")
        place = tmp_path / "set"
    else:
        place = write_zip(tmp_path / "a.zip", picture_files())
    plain = load_faces(place, RGB)
    same(mapped(place), plain)
    same(mapped(place), plain)


def test_the_second_time_the_pictures_are_not_read(folder, cache, caplog):
    first = mapped(folder)
    written = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    # The same size and time: only reading the file could tell.
    path = folder / "p0" / "0.png"
    state = path.stat()
    path.write_bytes(bytes(state.st_size))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    with caplog.at_level(logging.INFO):
        same(mapped(folder), first)
    assert "decoded before" in caplog.text
    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == written


def test_a_changed_picture_or_input_is_decoded_again(folder, cache):
    mapped(folder)
    write_files(folder, {"p0/0.png": picture_files(people=9)["p8/1.png"]})
    np.testing.assert_array_equal(mapped(folder).pixels[0], pattern(81))
    assert mapped(folder, InputSpec(size_px=16, colour="grey")).pixels.shape == (8, 16, 16, 1)
    assert mapped(folder, InputSpec(size_px=16, colour="rgb", scale=1.0)).pixels.shape == (8, 16, 16, 3)
    assert kept(cache) == [".json"] * 3 + [".npy"] * 3


def _truncate(path):
    path.write_bytes(path.read_bytes()[:-7])


def _flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _no_notes(path):
    path.with_suffix(".json").write_text("{")


def _foreign_notes(path):
    notes = json.loads(path.with_suffix(".json").read_text())
    notes["names"][0] = "p9/9.png"
    path.with_suffix(".json").write_text(json.dumps(notes))


def _short_notes(path):
    notes = json.loads(path.with_suffix(".json").read_text())
    del notes["hashes"][0]
    path.with_suffix(".json").write_text(json.dumps(notes))


@pytest.mark.parametrize("damage", [_truncate, _flip, _no_notes, _foreign_notes, _short_notes])
def test_a_damaged_cache_is_made_again(folder, cache, caplog, damage):
    plain = load_faces(folder, RGB)
    mapped(folder)
    damage(next(cache.glob("*.npy")))
    with caplog.at_level(logging.WARNING):
        same(mapped(folder), plain)
    assert "are damaged" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        same(mapped(folder), plain)
    assert "are damaged" not in caplog.text


def test_pixels_without_their_notes_count_for_nothing(folder, cache):
    mapped(folder)
    next(cache.glob("*.json")).unlink()
    _flip(next(cache.glob("*.npy")))
    same(mapped(folder), load_faces(folder, RGB))


def test_an_error_leaves_nothing_behind(folder, cache):
    with pytest.raises(DataError, match="must be square"):
        mapped(folder, InputSpec(size_px=64, colour="rgb"))
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_one_line(folder, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SIAMLITE_CACHE", str(tmp_path / "file"))
    with pytest.raises(WriteError, match="choose another folder with SIAMLITE_CACHE=DIR"):
        mapped(folder)


def test_taking_every_row_does_not_copy_a_memory_map(folder):
    faces = mapped(folder)
    assert np.shares_memory(faces.select(faces.people).pixels, faces.pixels)
    assert faces.select({"p0"}).pixels.shape == (3, 16, 16, 3)
