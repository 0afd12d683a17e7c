import shutil
import zipfile

import pytest
from source_helpers import write_tar, write_zip

from edge_runtime.errors import DataError
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.towers.preprocess import InputSpec
from train.cli import main
from train.data.faces import load_faces
from train.prepare.faces import prepare_faces
from train.prepare.journal import work_folder

GREY = InputSpec(size_px=64, colour="grey")


@pytest.fixture(scope="module")
def finder(models):
    return FaceFinder(size_px=64, models=models)


@pytest.fixture(scope="module")
def photographs(att_faces):
    return {f"s{n}/{k}.pgm": (att_faces / f"s{n}" / f"{k}.pgm").read_bytes() for n in (1, 2, 3) for k in (1, 2)}


def unpack(folder, files):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("name", "write"), [("raw.zip", write_zip), ("raw.tar", write_tar), ("raw.tar.gz", write_tar)])
def test_an_archive_gives_the_faces_that_its_folder_gives(photographs, tmp_path, finder, name, write):
    files = {**photographs, "s1/text.png": b"not a picture"}
    prepare_faces(unpack(tmp_path / "raw", files), tmp_path / "plain", finder=finder)
    # One folder around the people is stepped into, and what is hidden is no picture.
    packed = {f"album/{name}": data for name, data in files.items()}
    archive = write(tmp_path / name, {**packed, "album/s1/.hidden.png": b"x"})
    before = set(tmp_path.iterdir())
    prepare_faces(archive, tmp_path / "packed", finder=finder)
    assert set(tmp_path.iterdir()) - before == {tmp_path / "packed"}
    assert files_of(tmp_path / "packed") == files_of(tmp_path / "plain")


def test_a_damaged_member_is_rejected_and_named(photographs, tmp_path, finder):
    archive = write_zip(tmp_path / "raw.zip", photographs)
    with zipfile.ZipFile(archive) as opened:
        info = opened.getinfo("s2/1.pgm")
    data = bytearray(archive.read_bytes())
    start = info.header_offset + 30 + len(info.filename) + 100
    data[start : start + 10] = bytes(10)
    archive.write_bytes(data)
    prepared = prepare_faces(archive, tmp_path / "faces", finder=finder)
    assert prepared.kept == 5
    assert [(item.picture, item.reason) for item in prepared.rejected] == [("s2/1.pgm", "unreadable")]
    assert "is damaged" in prepared.rejected[0].detail
    assert (tmp_path / "faces" / "contact-rejected.png").exists()


def test_an_interrupted_preparation_of_an_archive_goes_on(photographs, tmp_path, finder, monkeypatch, caplog):
    archive = write_zip(tmp_path / "raw.zip", photographs)
    find_one, seen = finder.find_one, []

    def stops(image, *, name):
        if len(seen) == 3:
            raise KeyboardInterrupt
        seen.append(name)
        return find_one(image, name=name)

    with monkeypatch.context() as patch:
        patch.setattr(finder, "find_one", stops)
        with pytest.raises(KeyboardInterrupt):
            prepare_faces(archive, tmp_path / "faces", finder=finder)
    # The photographs do not stay behind; what kill -9 leaves of them is no hindrance.
    left = work_folder(tmp_path / "faces") / "photographs"
    assert not left.exists()
    unpack(left, {"s9/1.pgm": photographs["s1/1.pgm"]})
    with caplog.at_level("INFO"):
        prepared = prepare_faces(archive, tmp_path / "faces", finder=finder)
    assert "3 photographs were done" in caplog.text
    assert (prepared.people, prepared.kept) == (3, 6)
    assert not work_folder(tmp_path / "faces").exists()


def test_archives_that_cannot_be_prepared(photographs, tmp_path, finder):
    prepare_faces(write_zip(tmp_path / "raw.zip", photographs), tmp_path / "faces", finder=finder)
    # The contact sheets beside the people make no person of the folder around them.
    shutil.make_archive(str(tmp_path / "marked"), "zip", tmp_path, "faces")
    assert load_faces(tmp_path / "marked.zip", GREY).people == ("s1", "s2", "s3")
    with pytest.raises(DataError, match="is prepared already"):
        prepare_faces(tmp_path / "marked.zip", tmp_path / "again", finder=finder)
    with pytest.raises(DataError, match="unsafe name"):
        prepare_faces(write_zip(tmp_path / "a.zip", {"../s1/1.pgm": b"x"}), tmp_path / "again", finder=finder)
    one = write_zip(tmp_path / "one.zip", {name: data for name, data in photographs.items() if name.startswith("s1")})
    with pytest.raises(DataError, match=r"only 1 of the 1 people in .*one\.zip have a usable face"):
        prepare_faces(one, tmp_path / "again", finder=finder)
    assert not (tmp_path / "again").exists()
    assert not work_folder(tmp_path / "again").exists()


def test_photographs_in_an_archive_are_trained_on_and_measured(photographs, tmp_path, models, capsys):
    archive, run = write_zip(tmp_path / "raw.zip", photographs), tmp_path / "run"
    words = [
        "fit",
        "--data",
        str(archive),
        "--out",
        str(run),
        "--recipe",
        "few-people",
        "--set",
        "schedule.whiten_copies=0",
    ]
    assert main(words) == 0
    said = capsys.readouterr().err
    assert "cutting the faces out" in said
    assert f"export convert {run} --representative {run}/faces " in said
    assert (run / "faces" / "s1" / "1.png").exists()
    assert main(["evaluate", str(run), "--data", str(archive)]) == 2
    assert "was trained on 3 of these people" in capsys.readouterr().err
