"""Faces that are cut anew: the same picture in another frame, and nothing where no transform is known."""

import json

import cv2
import numpy as np
import pytest

from edge_runtime.errors import DataError, UsageError
from edge_runtime.faces.align import (
    DEFAULT_TEMPLATE,
    DLIB_CLOSE_TEMPLATE,
    DLIB_FOUR_TEMPLATE,
    DLIB_TEMPLATE,
    TEMPLATES,
    WIDE_TEMPLATE,
    similarity_transform,
    template_values,
)
from edge_runtime.images import read_image, write_image
from edge_runtime.people import read_faces_mark, write_faces_mark
from train.cli import main
from train.data.sources.mark import folder_template
from train.prepare.recut import points_in, recut_faces


def write_faces(folder, template, size_px, *, people=3, pictures=3):
    """Smooth random pictures: what a linear resampling keeps."""
    rng = np.random.default_rng(0)
    for person in range(people):
        for picture in range(pictures):
            pattern = rng.integers(40, 216, (5, 5, 3)).astype(np.float32)
            image = np.clip(cv2.resize(pattern, (size_px, size_px), interpolation=cv2.INTER_CUBIC), 0, 255)
            write_image(folder / f"p{person}" / f"{picture}.png", image.astype(np.uint8))
    mark = {"size_px": size_px, "template": template_values(template), "detector": "full-range"}
    write_faces_mark(folder, mark)
    return folder


def test_the_close_template_is_a_window_of_the_chip():
    matrix = similarity_transform(DLIB_TEMPLATE.pixels(150), DLIB_CLOSE_TEMPLATE.pixels(128))
    np.testing.assert_allclose(matrix, [[1, 0, -11], [0, 1, -8]], atol=1e-4)
    assert DLIB_CLOSE_TEMPLATE.refiner == DLIB_TEMPLATE.refiner
    assert TEMPLATES["dlib-close"] is DLIB_CLOSE_TEMPLATE


def test_the_chip_is_cut_to_its_window(tmp_path):
    chips = write_faces(tmp_path / "chips", DLIB_TEMPLATE, 150)
    recut = recut_faces(chips, tmp_path / "close", template=DLIB_CLOSE_TEMPLATE, size_px=128)
    assert (recut.people, recut.kept, recut.unreadable) == (3, 9, ())
    for path in sorted(chips.glob("*/*.png")):
        found = read_image(tmp_path / "close" / path.relative_to(chips))
        wanted = read_image(path)[8:136, 11:139]
        assert np.abs(found.astype(int) - wanted).max() <= 1
    mark = read_faces_mark(tmp_path / "close")
    assert folder_template(tmp_path / "close") == DLIB_CLOSE_TEMPLATE
    assert (mark["size_px"], mark["kept"], mark["detector"]) == (128, 9, "full-range")
    assert "not by the refiner" not in mark["recut"]["note"]


def test_there_and_back_is_the_same_picture(tmp_path):
    faces = write_faces(tmp_path / "faces", WIDE_TEMPLATE, 96)
    recut_faces(faces, tmp_path / "there", template=DEFAULT_TEMPLATE, size_px=160)
    recut_faces(tmp_path / "there", tmp_path / "back", template=WIDE_TEMPLATE, size_px=96)
    for path in sorted(faces.glob("*/*.png")):
        was, now = read_image(path), read_image(tmp_path / "back" / path.relative_to(faces))
        # The frame of the narrower crop, within the wide one.
        assert np.abs(was[24:70, 24:70].astype(int) - now[24:70, 24:70]).max() <= 6


@pytest.mark.parametrize("size_px", [112, 168])
def test_default_crops_go_to_dlibs_chip_by_the_measured_transform(tmp_path, size_px):
    faces = write_faces(tmp_path / "faces", DEFAULT_TEMPLATE, size_px)
    points = points_in(DEFAULT_TEMPLATE, DLIB_TEMPLATE) * size_px
    matrix = similarity_transform(points, DLIB_TEMPLATE.pixels(150))
    for point in ((56.0, 56.0), (20.0, 90.0)):
        at = matrix @ np.array([*(np.array(point) * size_px / 112), 1.0])
        wanted = 1.46602724 * (np.array(point) - 56) + np.array([74.53, 50.60])
        np.testing.assert_allclose(at, wanted, atol=1e-3)
    recut_faces(faces, tmp_path / "chips", template=DLIB_TEMPLATE, size_px=150)
    recut_faces(faces, tmp_path / "close", template=DLIB_CLOSE_TEMPLATE, size_px=128)
    assert folder_template(tmp_path / "chips") == DLIB_TEMPLATE
    assert "not by the refiner itself" in read_faces_mark(tmp_path / "chips")["recut"]["note"]
    chip, close = (read_image(tmp_path / name / "p1" / "2.png") for name in ("chips", "close"))
    assert np.abs(chip[8:136, 11:139].astype(int) - close).max() <= 3


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        (WIDE_TEMPLATE, DLIB_TEMPLATE),
        (DLIB_FOUR_TEMPLATE, DLIB_CLOSE_TEMPLATE),
        (DLIB_TEMPLATE, DEFAULT_TEMPLATE),
        (DLIB_CLOSE_TEMPLATE, DLIB_FOUR_TEMPLATE),
    ],
)
def test_no_transform_that_is_not_known(tmp_path, held, wanted, capsys):
    faces = write_faces(tmp_path / "faces", held, 64, people=1, pictures=1)
    words = ["recut", str(faces), "--out", str(tmp_path / "out"), "--align", wanted.name, "--size", "64"]
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: no transform is known from crops of {held.name!r} to {wanted.name!r}. ")
    assert not (tmp_path / "out").exists()


def test_several_processes_give_the_same_bytes(tmp_path):
    faces = write_faces(tmp_path / "faces", DEFAULT_TEMPLATE, 32, people=5, pictures=45)
    for name, jobs in (("one", 1), ("two", 2)):
        recut_faces(faces, tmp_path / name, template=WIDE_TEMPLATE, size_px=24, jobs=jobs)
    one, two = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("one", "two")
    )
    assert len(one) == 226
    assert one == two


def test_the_command_says_what_it_left_out(tmp_path, capsys):
    faces = write_faces(tmp_path / "faces", DEFAULT_TEMPLATE, 32)
    (faces / "p0" / "0.png").write_bytes(b"no picture")
    write_image(faces / "p1" / "flat.png", np.zeros((20, 32, 3), np.uint8))
    out = tmp_path / "out"
    words = ["recut", str(faces), "--out", str(out), "--align", "wide", "--size", "24", "--jobs", "1"]
    assert main([*words, "--json"]) == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert report == {"folder": str(out), "people": 3, "kept": 8, "unreadable": ["p0/0.png", "p1/flat.png"]}
    assert printed.err.splitlines() == [
        f"written: {out}",
        f"next: python -m train fit --data {out} --out RUN",
    ]
    assert main(words) == 2
    assert "exists already" in capsys.readouterr().err


def test_what_is_no_folder_of_faces(tmp_path):
    def cut(source, target):
        recut_faces(source, target, template=WIDE_TEMPLATE, size_px=24)

    write_image(tmp_path / "raw" / "p0" / "0.png", np.zeros((32, 32, 3), np.uint8))
    with pytest.raises(DataError, match="holds no prepared faces"):
        cut(tmp_path / "raw", tmp_path / "out")
    faces = write_faces(tmp_path / "faces", DEFAULT_TEMPLATE, 32, people=1, pictures=1)
    with pytest.raises(UsageError, match="must lie outside"):
        cut(faces, faces / "inside")
    write_image(faces / "p0" / "0.jpg", np.zeros((32, 32, 3), np.uint8))
    with pytest.raises(DataError, match="differ in their suffix alone"):
        cut(faces, tmp_path / "out")
    (faces / "p0" / "0.jpg").unlink()
    (faces / "p0" / "0.png").write_bytes(b"")
    with pytest.raises(DataError, match="none of the 1 pictures"):
        cut(faces, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces", "raw"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--align", "tight"], "unknown template 'tight'"),
        (["--size", "8"], "from 16 to 512"),
        (["--jobs", "0"], "--jobs must be from 1"),
    ],
)
def test_wrong_usage_is_one_line(tmp_path, capsys, words, message):
    given = {"--out": str(tmp_path / "out"), "--align": "wide", "--size": "24"} | dict([words])
    assert main(["recut", str(tmp_path), *(word for pair in given.items() for word in pair)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
