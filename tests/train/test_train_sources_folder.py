import logging

import numpy as np
import pytest
from source_helpers import pattern, picture_files, png, write_files

from edge_runtime.errors import DataError
from edge_runtime.images import encode_image
from edge_runtime.towers.preprocess import InputSpec
from train.data.faces import load_faces
from train.data.sources.open import needs_preparing, open_source, source_name

RGB = InputSpec(size_px=16, colour="rgb")


def test_pictures_lie_at_any_depth_and_in_any_format(tmp_path):
    files = picture_files(people=2, pictures=1)
    files["p1/2019/summer/b.webp"] = encode_image(pattern(5, 40), ".webp")
    files["p1/2019/c.jpg"] = encode_image(pattern(6, 24), ".jpg")
    files["p1/d.pgm"] = b"P5\n16 16\n255\n" + bytes(range(256))
    files["p1/notes.txt"] = b"no picture"
    faces = load_faces(write_files(tmp_path, files), RGB)
    assert faces.names == ("p0/0.png", "p1/0.png", "p1/2019/c.jpg", "p1/2019/summer/b.webp", "p1/d.pgm")
    assert faces.labels.tolist() == [0, 1, 1, 1, 1]
    np.testing.assert_array_equal(faces.pixels[4, :, :, 1].ravel(), np.arange(256))
    assert faces.halves is None


def test_hidden_files_and_folders_are_left_out(tmp_path):
    files = picture_files(people=2, pictures=1)
    files |= {name: png(9) for name in ("p0/.thumbnails/0.png", "p0/.1.png", ".trash/0.png", "p1/a/.b/c/1.png")}
    assert load_faces(write_files(tmp_path, files), RGB).names == ("p0/0.png", "p1/0.png")


def test_twenty_unreadable_pictures_are_named_and_the_others_counted(tmp_path, caplog):
    files = picture_files(people=2, pictures=2)
    files |= {f"p1/bad{number}.png": b"no picture" for number in range(27)}
    with caplog.at_level(logging.WARNING):
        faces = load_faces(write_files(tmp_path, files), RGB)
    assert len(faces.skipped) == 27
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 21
    assert warnings[0].startswith("skipped p1/bad0.png: ")
    assert warnings[-1] == "skipped 7 more unreadable pictures"
    assert faces.names == ("p0/0.png", "p0/1.png", "p1/0.png", "p1/1.png")
    np.testing.assert_array_equal(faces.pixels[3], pattern(11))


def test_rows_close_up_over_unreadable_pictures(tmp_path):
    files = picture_files(people=3, pictures=2)
    files["p0/0.png"] = files["p1/1.png"] = b""
    faces = load_faces(write_files(tmp_path, files), RGB)
    assert faces.names == ("p0/1.png", "p1/0.png", "p2/0.png", "p2/1.png")
    np.testing.assert_array_equal(faces.pixels, [pattern(n) for n in (1, 10, 20, 21)])
    assert faces.single_picture_people == ("p0", "p1")


def test_a_png_that_promises_a_giant_is_skipped_before_it_is_unpacked(tmp_path):
    bomb = bytearray(png(1))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    faces = load_faces(write_files(tmp_path, {**picture_files(), "p0/giant.png": bytes(bomb)}), RGB)
    assert faces.skipped == ("p0/giant.png",)


def test_one_person_is_not_enough(tmp_path):
    write_files(tmp_path, {**picture_files(people=1), "p7/0.png": b"damage"})
    with pytest.raises(DataError, match="readable pictures of p0 alone; two people are needed"):
        load_faces(tmp_path, RGB)


def test_what_is_no_source_is_refused_in_one_line(tmp_path):
    with pytest.raises(DataError, match=r"nowhere is not a folder, nor an archive, nor one of fashion-mnist, mnist\."):
        open_source(tmp_path / "nowhere")
    (tmp_path / "list.txt").write_text("no pictures")
    with pytest.raises(DataError, match=r"list\.txt is no source of pictures"):
        open_source(tmp_path / "list.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no pictures in"):
        open_source(tmp_path / "empty")


def test_only_an_unmarked_folder_needs_preparing(tmp_path, tiny_faces):
    assert needs_preparing(write_files(tmp_path, picture_files()))
    assert not needs_preparing(tiny_faces)
    assert open_source(tiny_faces).kind == "faces"
    with pytest.raises(DataError, match="not a folder"):
        needs_preparing(tmp_path / "nowhere")


def test_a_source_is_remembered_by_its_whole_path_or_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert source_name("faces") == str(tmp_path.resolve() / "faces")
    assert source_name("omniglot:set") == f"omniglot:{tmp_path.resolve() / 'set'}"
    assert source_name("mnist") == "mnist"
    (tmp_path / "mnist").mkdir()
    assert source_name("mnist") == str(tmp_path.resolve() / "mnist")


def test_what_decoders_say_of_damage_stays_off_the_terminal(tmp_path, capfd):
    whole = encode_image(pattern(1, 64), ".jpg")
    cut = {f"p0/{number}.jpg": whole[: 700 + number] for number in range(20)}
    faces = load_faces(write_files(tmp_path, {**picture_files(), **cut}), RGB)
    assert len(faces.labels) + len(faces.skipped) == 26
    assert capfd.readouterr() == ("", "")
