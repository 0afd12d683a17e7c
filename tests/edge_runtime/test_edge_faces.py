"""Detection, quality and people's folders, on real faces."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from edge_helpers import GENUINE, IMPOSTOR, LAW, scene
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import DataError, FaceError, UsageError
from edge_runtime.faces.align import Points
from edge_runtime.faces.blazeface import MODELS, letterbox
from edge_runtime.faces.detect import Face
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.faces.pose import head_pose
from edge_runtime.faces.quality import Quality, QualityLimits, measure_quality, quality_problem, quality_weight
from edge_runtime.faces.suppress import merge_overlapping
from edge_runtime.images import read_image, write_image
from edge_runtime.people import natural_key, read_faces_mark, scan_people, write_faces_mark


@pytest.mark.parametrize("detector", sorted(MODELS))
def test_every_detector_puts_the_landmarks_in_their_places(detector: str, models: Path, att_faces: Path) -> None:
    finder = FaceFinder(detector=detector, models=models)
    image = scene(att_faces / "s1/1.pgm", scale=1.7)
    (found,) = finder.find(image)
    left_eye, right_eye, nose, mouth = found.face.landmarks_px
    assert left_eye[0] < nose[0] < right_eye[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < mouth[1]
    box_left, top, right, bottom = found.face.box_px
    assert all(box_left < x < right and top < y < bottom for x, y in found.face.landmarks_px)
    assert found.problem is None
    assert 0.5 <= found.face.score <= 1
    # A face that moves takes its landmarks along.
    moved = np.roll(image, (14, -22), axis=(0, 1))
    (again,) = finder.find(moved)
    shift = np.median(again.face.landmarks_px - found.face.landmarks_px, axis=0)
    np.testing.assert_allclose(shift, [-22, 14], atol=3)


def test_landmarks_of_a_photograph_are_its_own_pixels(finder: FaceFinder, att_faces: Path) -> None:
    """Also where it was found only with a border around it."""
    image = read_image(att_faces / "s1/1.pgm")
    found = finder.find_one(image)
    assert (found.face.landmarks_px > 0).all()
    assert (found.face.landmarks_px < [92, 112]).all()
    assert 15 < found.face.interocular_px < 50


def test_one_face_is_needed(finder: FaceFinder, att_faces: Path) -> None:
    with pytest.raises(FaceError, match="no face was found in a wall"):
        finder.find_one(np.full((100, 100, 3), 100, np.uint8), name="a wall")
    two = scene(att_faces / GENUINE / "8.pgm", att_faces / IMPOSTOR / "1.pgm", width=480)
    with pytest.raises(FaceError, match="2 faces were found"):
        finder.find_one(two)
    sizes = [found.face.area_px for found in finder.find(two)]
    assert sizes == sorted(sizes, reverse=True)
    with pytest.raises(UsageError, match="unknown face detector 'haar'"):
        FaceFinder(detector="haar")
    with pytest.raises(UsageError, match="minimum score"):
        FaceFinder(min_score=1.5)


@LAW
@given(st.integers(1, 400), st.integers(1, 400), st.sampled_from([128, 192]))
def test_a_letterbox_keeps_proportions(height: int, width: int, size: int) -> None:
    canvas, scale, left, top = letterbox(np.full((height, width, 3), 255, np.uint8), size)
    assert canvas.shape == (size, size, 3)
    lit = np.argwhere(canvas[..., 0] > 0)
    (first_row, first_column), (last_row, last_column) = lit.min(axis=0), lit.max(axis=0)
    assert (first_row, first_column) == (top, left)
    assert abs((last_row - first_row + 1) - max(1, height * scale)) <= 0.51
    assert abs((last_column - first_column + 1) - max(1, width * scale)) <= 0.51


def test_overlapping_boxes_become_one_weighted_by_score() -> None:
    one, other, far = [[10, 10], [8, 8], [9, 9]], [[12, 10], [8, 8], [11, 9]], [[50, 50], [8, 8], [49, 49]]
    points, scores = np.array([one, far, other], np.float32), np.array([0.9, 0.8, 0.3], np.float32)
    (first, best), (second, next_best) = merge_overlapping(points, scores)
    assert (best, next_best) == pytest.approx((0.9, 0.8))
    np.testing.assert_allclose(first, (0.9 * np.array(one) + 0.3 * np.array(other)) / 1.2, rtol=1e-6)
    np.testing.assert_allclose(second, far, rtol=1e-6)


def test_each_limit_has_its_reason_and_advice() -> None:
    good = {"interocular_px": 40.0, "sharpness": 50.0, "brightness": 120.0, "contrast": 30.0, "inside": 1.0}
    worse = {
        "face-too-small": {"interocular_px": 10.0},
        "face-cut-off": {"inside": 0.5},
        "too-dark": {"brightness": 10.0},
        "too-bright": {"brightness": 250.0},
        "too-flat": {"contrast": 2.0},
        "blurred": {"sharpness": 1.0},
        "turned-away": {"yaw_deg": -60.0},
        "looking-up-or-down": {"pitch_deg": 60.0},
        "tilted": {"roll_deg": -70.0},
    }
    assert quality_problem(Quality(**good, score=0.9), QualityLimits()) is None
    for reason, values in worse.items():
        problem = quality_problem(Quality(**(good | values), score=0.9), QualityLimits())
        assert problem is not None
        assert problem[0] == reason
        assert problem[1]
    assert quality_problem(Quality(**(good | {"yaw_deg": np.nan}), score=0.9), QualityLimits()) is not None
    for bad in ({"min_contrast": -1}, {"min_sharpness": np.nan}, {"min_brightness": 240}):
        with pytest.raises(UsageError, match="quality limits"):
            QualityLimits(**bad)


def test_the_usual_limits_turn_away_no_ordinary_face(finder: FaceFinder, att_faces: Path) -> None:
    for person in range(1, 41, 4):
        for number in range(1, 11):
            found = finder.find_one(read_image(att_faces / f"s{person}/{number}.pgm"))
            assert found.problem is None, (person, number, found.quality)


def test_a_face_at_the_border_is_cut_off(finder: FaceFinder, att_faces: Path) -> None:
    image = scene(att_faces / GENUINE / "8.pgm")
    (whole,) = finder.find(image)
    assert whole.quality.inside > 0.9
    eye_x = int(whole.face.landmarks_px[0, 0])
    quality = measure_quality(image[:, eye_x + 5 :], moved(whole.face, -eye_x - 5), whole.crop_rgb)
    assert quality.inside == 0
    assert quality_problem(quality, QualityLimits()) == ("face-cut-off", "move to the middle of the picture")
    half = measure_quality(image[:, eye_x - 5 :], moved(whole.face, 5 - eye_x), whole.crop_rgb)
    assert 0.5 < half.inside < whole.quality.inside


def moved(face: Face, x: float) -> Face:
    left, top, right, bottom = face.box_px
    marks = face.landmarks_px + np.array([x, 0], np.float32)
    return replace(face, box_px=(left + x, top, right + x, bottom), landmarks_px=marks)


def test_limits_come_in_layers() -> None:
    limits = QualityLimits.of({"max_yaw_deg": 30, "min_sharpness": 9}, {"max_yaw_deg": 20})
    assert (limits.max_yaw_deg, limits.min_sharpness, limits.max_pitch_deg) == (20, 9, 45)
    assert QualityLimits.of() == QualityLimits()
    for wrong in ({"max_yaw": 3}, {"max_yaw_deg": "3"}, {"max_yaw_deg": True}, {"max_yaw_deg": -1}, [1]):
        with pytest.raises(UsageError, match="quality limit"):
            QualityLimits.of(wrong)  # type: ignore[arg-type]


def head(yaw: float, pitch: float, roll: float, size: float) -> Points:
    """Landmarks of an average head at angles in degrees, seen from far away; the nose stands before the others."""
    points = np.array([[-0.5, 0, 0], [0.5, 0, 0], [0, 0.495 * 1.155, -0.45], [0, 1.155, 0]])
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    flat = (points @ (about_x @ about_y).T)[:, :2] * size
    turn = np.array([[np.cos(r), -np.sin(r)], [np.sin(r), np.cos(r)]])
    return (flat @ turn.T + 100).astype(np.float32)


@LAW
@given(st.floats(-50, 50), st.floats(-40, 40), st.floats(20, 200))
def test_the_pose_of_an_average_head_is_read_off_its_landmarks(angle: float, roll: float, size: float) -> None:
    turned = head_pose(head(angle, 0, roll, size))
    assert turned.yaw_deg == pytest.approx(angle, abs=0.1)
    assert turned.pitch_deg == pytest.approx(0, abs=0.1)
    assert turned.roll_deg == pytest.approx(roll, abs=0.1)
    nodding = head_pose(head(0, angle, roll, size))
    assert nodding.pitch_deg == pytest.approx(angle, abs=0.1)
    assert (nodding.yaw_deg, nodding.roll_deg) == pytest.approx((0, roll), abs=0.1)


def test_landmarks_that_coincide_are_turned_away() -> None:
    assert head_pose(np.zeros((4, 2), np.float32)).yaw_deg == 90


@LAW
@given(st.floats(0, 200), st.floats(0, 200), st.floats(0, 80), st.floats(-90, 90), st.floats(-90, 90))
def test_a_weight_grows_with_quality(size: float, sharp: float, contrast: float, yaw: float, pitch: float) -> None:
    quality = Quality(interocular_px=size, sharpness=sharp, brightness=100, contrast=contrast, inside=1, score=1,
                      yaw_deg=yaw, pitch_deg=pitch)  # fmt: skip
    better = replace(quality, interocular_px=size + 5, sharpness=sharp + 5, contrast=contrast + 5, yaw_deg=yaw / 2)
    assert 0.1 <= quality_weight(quality) <= quality_weight(better) <= 1


words = st.text(st.sampled_from("ab019 é²"), max_size=6)


@LAW
@given(st.lists(words, max_size=6))
def test_natural_order_is_an_order(texts: list[str]) -> None:
    ordered = sorted(texts, key=natural_key)
    assert sorted(reversed(texts), key=natural_key) == ordered
    assert len({tuple(natural_key(t)) for t in texts}) == len(set(texts))


@LAW
@given(st.text(st.characters(exclude_characters="0123456789"), max_size=5), st.lists(st.integers(0, 10**6), max_size=8))
def test_numbers_come_by_value(prefix: str, numbers: list[int]) -> None:
    names = [f"{prefix}{number}.jpg" for number in numbers]
    assert sorted(names, key=natural_key) == [f"{prefix}{number}.jpg" for number in sorted(numbers)]


def test_people_are_folders_with_pictures(tmp_path: Path) -> None:
    for name in ("s10/1.png", "s2/b/2.PNG", "s2/a/10.jpg", "s2/a/9.jpg", "s3/notes.txt", ".git/x.png", "x.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    found = scan_people(tmp_path)
    assert [person.name for person in found] == ["s2", "s10"]
    assert [str(p.relative_to(tmp_path / "s2")) for p in found[0].pictures] == ["a/9.jpg", "a/10.jpg", "b/2.PNG"]
    for wrong, why in ((tmp_path / "none", "is not a folder"), (tmp_path / "s3", "no pictures in")):
        with pytest.raises(DataError, match=why):
            scan_people(wrong)


def test_the_mark_of_prepared_faces(tmp_path: Path) -> None:
    assert read_faces_mark(tmp_path) is None
    write_faces_mark(tmp_path, {"size_px": 48})
    assert read_faces_mark(tmp_path) == {"size_px": 48}
    write_faces_mark(tmp_path, {"size_px": "48"})
    with pytest.raises(DataError, match="lacks size_px"):
        read_faces_mark(tmp_path)


def test_names_that_are_no_utf8_are_named(tmp_path):
    write_image(tmp_path / "anna" / "1.png", np.zeros((20, 20, 3), np.uint8))
    try:
        (tmp_path / os.fsdecode(b"b\xffn")).mkdir()
    except OSError:
        pytest.skip("this file system has no such names")
    with pytest.raises(DataError, match=r"'b\\udcffn' in .* is not valid UTF-8"):
        scan_people(tmp_path)
    (tmp_path / os.fsdecode(b"b\xffn")).rename(tmp_path / "anna" / os.fsdecode(b"\xfe.png"))
    assert [person.name for person in scan_people(tmp_path)] == ["anna"]
    (tmp_path / "anna" / "1.png").rename(tmp_path / "anna" / os.fsdecode(b"\xff.png"))
    with pytest.raises(DataError, match="Rename it"):
        scan_people(tmp_path)
