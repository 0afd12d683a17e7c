"""Whole files or none: full disks, killed processes, and folders that are none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from edge_helpers import ROOT, Command, in_python, listing, unit

from edge_runtime.errors import DataError, UsageError, WriteError
from edge_runtime.files import read_json, refuse_overwrite, sha256_file, write_bytes, write_json
from edge_runtime.gallery.store import Gallery
from edge_runtime.towers.tower import Tower

SMALL_DISK = """
import resource, sys
from edge_runtime.files import write_bytes
from edge_runtime.errors import WriteError
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_bytes(sys.argv[1], bytes(100_000))
except WriteError as error:
    print(error)
"""

SMALL_GALLERY = """
import resource, sys
import numpy as np
from edge_runtime.errors import GalleryError
from edge_runtime.gallery.store import Gallery, Template
from edge_runtime.towers.tower import Tower
tower = Tower.load(sys.argv[2]) if len(sys.argv) > 2 else None
rows = [Template(embedding=np.eye(64, dtype=np.float32)[i % 64], sharpness=1, interocular_px=40) for i in range(500)]
limit = 4096 if tower else 100_000
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    with Gallery.open(sys.argv[1], tower, create=tower is not None) as gallery:
        gallery.enrol("Many", rows)
except GalleryError as error:
    print(error)
"""

WRITE_ON = """
import sys
import numpy as np
from edge_runtime.gallery.store import Gallery, Template
row = np.eye(64, dtype=np.float32)[3]
with Gallery.open(sys.argv[1]) as gallery:
    for number in range(100_000):
        gallery.enrol("P%d" % (number % 7), [Template(embedding=row, sharpness=1, interocular_px=40)] * 9, replace=True)
        print(number, flush=True)
"""


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"old")
    for name in ("kept", "new"):
        ran = in_python(SMALL_DISK, tmp_path / name)
        assert "Nothing was changed" in ran.stdout, ran
        assert str(tmp_path / name) in ran.stdout
    assert listing(tmp_path) == {"kept": b"old"}


def test_a_full_disk_leaves_the_old_gallery(gallery_path: Path) -> None:
    before = gallery_path.read_bytes()
    ran = in_python(SMALL_GALLERY, gallery_path)
    assert "cannot be used" in ran.stdout, ran
    after = listing(gallery_path.parent)
    assert set(after) == {gallery_path.name}
    assert len(after[gallery_path.name]) == len(before)


def test_a_full_disk_makes_no_gallery(tmp_path: Path, tiny_tower_path: Path) -> None:
    ran = in_python(SMALL_GALLERY, tmp_path / "g.db", tiny_tower_path)
    assert "Nothing was written" in ran.stdout, ran
    assert listing(tmp_path) == {}


def test_a_killed_writer_leaves_a_readable_gallery(tower: Tower, tmp_path: Path) -> None:
    path = tmp_path / "g.db"
    with Gallery.open(path, tower, create=True) as gallery:
        gallery.enrol("Ann", unit(1, 2))
    for rounds in (3, 11, 20):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITE_ON, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(rounds):
            assert process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with Gallery.open(path, tower) as gallery:
            found = {p.name: p.templates for p in gallery.people()}
            assert len(gallery.templates()) == len(found)
        assert found.pop("Ann") == 2
        assert set(found.values()) == {9}
        assert {p.stat().st_mode & 0o777 for p in tmp_path.iterdir()} == {0o600}
    with Gallery.open(path, tower) as gallery:
        gallery.remove("Ann")
    assert [p.name for p in tmp_path.iterdir()] == ["g.db"]


def test_a_pipe_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(WriteError, match="a device or a pipe"):
        write_bytes(tmp_path / "pipe", b"x")
    assert (tmp_path / "pipe").is_fifo()
    assert [p.name for p in tmp_path.iterdir()] == ["pipe"]


def test_a_name_that_is_too_long_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 300)
    refuse_overwrite(path, force=False)
    with pytest.raises(WriteError, match="cannot write"):
        write_bytes(path, b"x")
    assert not listing(tmp_path)


@pytest.mark.parametrize("name", ["file/x.bin", "file/deeper/x.bin"])
def test_a_file_as_parent_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"I am no folder")
    with pytest.raises(WriteError, match="cannot write"):
        write_bytes(tmp_path / name, b"x")
    assert listing(tmp_path) == {"file": b"I am no folder"}


def test_a_folder_is_not_overwritten_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    with pytest.raises(WriteError, match="cannot write"):
        write_bytes(tmp_path / "target", b"x")
    assert [p.name for p in tmp_path.iterdir()] == ["target"]


def test_the_command_line_says_so_too(tmp_path: Path, tower: Tower, siamlite: Command, att_faces: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    words = ["--tower", tower.path, "--gallery", tmp_path / "file" / "g.db", "--source", att_faces / "s1/1.pgm"]
    line = siamlite.fails(3, "enroll", "Ann", *words)
    assert "cannot make the gallery" in line
    assert listing(tmp_path) == {"file": b"x"}


def test_files_get_their_content_and_mode(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "a" / "b" / "c.bin", b"one", mode=0o600)
    write_bytes(path, b"two", mode=0o640)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(listing(tmp_path)) == ["a/b/c.bin"]


def test_json_is_read_back_and_strict(tmp_path: Path) -> None:
    path = write_json(tmp_path / "x.json", {"b": [1, 2.5, None], "a": "é"})
    assert path.read_text(encoding="utf-8").index('"a"') < path.read_text(encoding="utf-8").index('"b"')
    assert read_json(path, what="it") == {"a": "é", "b": [1, 2.5, None]}
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "y.json", {"nan": float("nan")})
    for content, why in ((b"[1]", "not a JSON object"), (b"{", "not valid JSON"), (b"\xff", "not valid JSON")):
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"it, .*{why}"):
            read_json(path, what="it")
    with pytest.raises(DataError, match="cannot read it"):
        read_json(tmp_path / "y.json", what="it")
    with pytest.raises(DataError, match="cannot read"):
        sha256_file(tmp_path / "y.json")


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for free in (tmp_path / "new", tmp_path / "empty"):
        refuse_overwrite(free, force=False)
    (tmp_path / "empty" / "file").write_bytes(b"")
    for taken in (tmp_path / "empty", tmp_path / "empty" / "file"):
        with pytest.raises(UsageError, match="--force"):
            refuse_overwrite(taken, force=False)
        refuse_overwrite(taken, force=True)
    assert list(listing(tmp_path)) == ["empty/file"]
