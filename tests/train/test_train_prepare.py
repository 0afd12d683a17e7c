import csv
import json
import shutil

import numpy as np
import pytest

from edge_runtime.errors import DataError, UsageError
from edge_runtime.faces import FaceFinder
from edge_runtime.files import sha256_file
from edge_runtime.images import read_image, write_image
from edge_runtime.people import read_faces_mark
from train.cli import main
from train.prepare.faces import prepare_faces


@pytest.fixture(scope="module")
def finder(models):
    return FaceFinder(size_px=64, models=models)


@pytest.fixture
def photographs(att_faces, tmp_path):
    raw = tmp_path / "raw"
    for person in (1, 2, 3):
        for picture in (1, 2, 3):
            target = raw / f"s{person}" / f"{picture}.pgm"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(att_faces / f"s{person}" / f"{picture}.pgm", target)
    return raw


def _files(folder):
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in folder.rglob("*") if path.is_file()}


def test_rejects_with_the_reason_and_keeps_the_rest(photographs, tmp_path, finder):
    (photographs / "s1" / "empty.jpg").write_bytes(b"")
    (photographs / "s1" / "text.png").write_text("not a picture")
    write_image(photographs / "s2" / "wall.png", np.full((120, 120, 3), 128, np.uint8))
    face = read_image(photographs / "s3" / "1.pgm")
    write_image(photographs / "s3" / "two.png", np.hstack([face, face]))
    (photographs / "s4").mkdir()
    (photographs / "s4" / "wall.png").write_bytes((photographs / "s2" / "wall.png").read_bytes())
    prepared = prepare_faces(photographs, tmp_path / "faces", finder=finder)
    assert (prepared.people, prepared.kept) == (3, 9)
    assert {item.picture: item.reason for item in prepared.rejected} == {
        "s1/empty.jpg": "unreadable",
        "s1/text.png": "unreadable",
        "s2/wall.png": "no-face",
        "s3/two.png": "several-faces",
        "s4/wall.png": "no-face",
    }
    with open(tmp_path / "faces" / "rejected.csv", newline="") as stream:
        assert [row["reason"] for row in csv.DictReader(stream)] == [item.reason for item in prepared.rejected]
    mark = read_faces_mark(tmp_path / "faces")
    assert mark["size_px"] == 64
    assert mark["kept"] == 9
    assert read_image(tmp_path / "faces" / "s1" / "1.png").shape == (64, 64, 3)
    assert not (tmp_path / "faces" / "s4").exists()


def test_the_same_photographs_give_the_same_bytes(photographs, tmp_path, finder):
    for name in ("a", "b"):
        prepare_faces(photographs, tmp_path / name, finder=finder)
    assert _files(tmp_path / "a") == _files(tmp_path / "b")


def test_names_never_collide(photographs, tmp_path, finder):
    source = photographs / "s1" / "1.pgm"
    (photographs / "s1" / "more").mkdir()
    for name in ("1.PGM", "more-1.pgm", "more/1.pgm", "more-1~2.pgm"):
        shutil.copy(source, photographs / "s1" / name)
    prepared = prepare_faces(photographs, tmp_path / "faces", finder=finder)
    assert prepared.kept == 13
    names = [path.name.casefold() for path in (tmp_path / "faces" / "s1").iterdir()]
    assert len(set(names)) == 7


def test_quality_limits_reject(photographs, tmp_path, capsys, models):
    out = tmp_path / "faces"
    assert main(["prepare", str(photographs), "--out", str(out), "--min-interocular", "200"]) == 2
    assert "9 face-too-small" in capsys.readouterr().err
    assert not out.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw"]


def test_an_interrupted_preparation_leaves_nothing(photographs, tmp_path, finder, monkeypatch):
    calls = []

    def stop(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return original(*arguments, **options)

    original = finder.find_one
    monkeypatch.setattr(finder, "find_one", stop)
    with pytest.raises(KeyboardInterrupt):
        prepare_faces(photographs, tmp_path / "faces", finder=finder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw"]


def test_force_replaces_prepared_faces_and_nothing_else(photographs, tmp_path, finder):
    out = tmp_path / "faces"
    prepare_faces(photographs, out, finder=finder)
    (out / "s1" / "old.png").write_bytes(b"old")
    with pytest.raises(UsageError, match="--force"):
        prepare_faces(photographs, out, finder=finder)
    prepare_faces(photographs, out, finder=finder, force=True)
    assert not (out / "s1" / "old.png").exists()
    letters = tmp_path / "letters"
    letters.mkdir()
    (letters / "dear.txt").write_text("x")
    with pytest.raises(UsageError, match="no prepared faces"):
        prepare_faces(photographs, letters, finder=finder, force=True)
    for inside in (photographs, photographs / "faces", tmp_path):
        with pytest.raises(UsageError, match="outside"):
            prepare_faces(photographs, inside, finder=finder, force=True)
    with pytest.raises(DataError, match="prepared already"):
        prepare_faces(out, tmp_path / "again", finder=finder)


def test_command_prints_the_report_and_the_next_command(photographs, tmp_path, capsys, models):
    out = tmp_path / "faces"
    assert main(["prepare", str(photographs), "--out", str(out), "--size", "64", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"folder": str(out), "people": 3, "kept": 9, "rejected": {}}
    assert f"python -m train fit --data {out}" in printed.err
