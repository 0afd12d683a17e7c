import logging

import cv2
import numpy as np
import pytest
from train_helpers import write_people

from edge_runtime.errors import DataError
from edge_runtime.images import read_image, write_image
from edge_runtime.towers.preprocess import InputSpec, tower_pixels
from train.data.faces import load_faces, same_picture_twice

GREY = InputSpec(size_px=16, colour="grey")


def test_rows_are_the_pictures_in_the_towers_colours(tiny_faces):
    faces = load_faces(tiny_faces, GREY)
    assert faces.people == tuple(f"p{number}" for number in range(6))
    assert faces.pixels.shape == (24, 16, 16, 1)
    for row in (0, 13, 23):
        np.testing.assert_array_equal(faces.pixels[row], tower_pixels(read_image(tiny_faces / faces.names[row]), GREY))
        assert faces.names[row].startswith(faces.people[faces.labels[row]] + "/")


def test_larger_crops_are_averaged_down(tmp_path):
    write_people(tmp_path, people=2, pictures=2, size_px=40)
    faces = load_faces(tmp_path, InputSpec(size_px=20, colour="rgb"))
    crop = read_image(tmp_path / faces.names[0])
    np.testing.assert_array_equal(faces.pixels[0], cv2.resize(crop, (20, 20), interpolation=cv2.INTER_AREA))


def test_smaller_or_oblong_crops_are_refused(tmp_path):
    write_people(tmp_path, people=2, pictures=1, size_px=16)
    with pytest.raises(DataError, match="--size 32"):
        load_faces(tmp_path, InputSpec(size_px=32, colour="grey"))
    write_image(tmp_path / "p0" / "0.png", np.zeros((20, 30, 3), np.uint8))
    with pytest.raises(DataError, match="must be square"):
        load_faces(tmp_path, GREY)


def test_unreadable_pictures_are_named_and_skipped(tmp_path, caplog):
    write_people(tmp_path, people=3, pictures=2)
    (tmp_path / "p1" / "0.png").write_bytes(b"")
    (tmp_path / "p1" / "1.png").write_bytes(b"no picture")
    (tmp_path / "p2" / "1.png").write_bytes(b"no picture")
    with caplog.at_level(logging.WARNING):
        faces = load_faces(tmp_path, GREY)
    assert faces.people == ("p0", "p2")
    assert faces.skipped == ("p1/0.png", "p1/1.png", "p2/1.png")
    assert faces.single_picture_people == ("p2",)
    assert "p1/0.png" in caplog.text


def test_a_folder_of_nothing_but_damage_is_an_error(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(b"")
    with pytest.raises(DataError, match="can be decoded"):
        load_faces(tmp_path, GREY)


def test_select_keeps_rows_and_renumbers(tiny_faces):
    faces = load_faces(tiny_faces, GREY)
    some = faces.select({"p1", "p4"})
    assert some.people == ("p1", "p4")
    assert some.labels.tolist() == [0] * 4 + [1] * 4
    np.testing.assert_array_equal(some.pixels, faces.pixels[np.isin(faces.labels, [1, 4])])


def test_hash_follows_content_and_names_not_place(tmp_path, tiny_faces):
    first = load_faces(write_people(tmp_path / "a"), GREY).sha256
    assert first == load_faces(tiny_faces, GREY).sha256
    (tmp_path / "a" / "p0" / "0.png").rename(tmp_path / "a" / "p0" / "other.png")
    assert load_faces(tmp_path / "a", GREY).sha256 != first


def test_one_picture_under_two_people_is_found(tmp_path):
    write_people(tmp_path, people=2, pictures=2)
    (tmp_path / "p1" / "copy.png").write_bytes((tmp_path / "p0" / "1.png").read_bytes())
    assert same_picture_twice(load_faces(tmp_path, GREY)) == [("p0/1.png", "p1/copy.png")]


def test_a_damaged_mark_is_refused(tmp_path):
    write_people(tmp_path, people=2, pictures=1)
    (tmp_path / "faces.json").write_text('{"size_px": 16}')
    with pytest.raises(DataError, match="alignment template"):
        load_faces(tmp_path, GREY)
