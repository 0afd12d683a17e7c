"""The landmark refiner: its file is the pinned one, its points move with the picture, and what needs it says so."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_helpers import LAW
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import DataError, TowerError, UsageError
from edge_runtime.faces.align import (
    DEFAULT_TEMPLATE,
    DLIB_FOUR_TEMPLATE,
    DLIB_TEMPLATE,
    AlignmentTemplate,
    Points,
    align_face,
    similarity_transform,
    template_from_values,
    template_values,
)
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.faces.landmarks import REFINER_FILE, LandmarkRefiner, refiner_for
from edge_runtime.faces.trees import trees_from_bytes
from edge_runtime.images import Image, read_image
from edge_runtime.towers.bundle import read_bundle
from edge_runtime.towers.card import card_from_json, card_to_json
from edge_runtime.towers.tower import space_fingerprint

Given = tuple[Image, Points]


@pytest.fixture(scope="module")
def refiner() -> LandmarkRefiner:
    return LandmarkRefiner()


@pytest.fixture(scope="module")
def faces(att_faces: Path, models: Path) -> list[Given]:
    """AT&T pictures at three times their size with a border, and the detector's landmarks."""
    detector = FaceFinder(models=models).detector
    held = []
    for person in range(1, 41, 5):
        picture = read_image(att_faces / f"s{person}/1.pgm")
        picture = cv2.copyMakeBorder(picture, 40, 40, 40, 40, cv2.BORDER_REPLICATE)
        large = np.asarray(cv2.resize(picture, None, fx=3, fy=3), dtype=np.uint8)
        held += [(large, face.landmarks_px) for face in detector.detect(large)[:1]]
    assert len(held) >= 6
    return held


def interocular(points: np.ndarray) -> float:
    """Distance between the middles of the eyes."""
    return float(np.linalg.norm(points[:2].mean(axis=0) - points[2:4].mean(axis=0)))


def test_five_points_lie_where_a_face_has_them(refiner: LandmarkRefiner, faces: list[Given]) -> None:
    for picture, landmarks in faces:
        outer_right, inner_right, outer_left, inner_left, nose = refiner.refine(picture, landmarks)
        assert outer_left[0] < inner_left[0] < nose[0] < inner_right[0] < outer_right[0]
        unit = float(np.linalg.norm(landmarks[1] - landmarks[0]))
        assert np.linalg.norm((outer_left + inner_left) / 2 - landmarks[0]) < 0.2 * unit
        assert np.linalg.norm((outer_right + inner_right) / 2 - landmarks[1]) < 0.2 * unit
        assert np.linalg.norm(nose - landmarks[2]) < 0.5 * unit


def test_a_bad_start_ends_near_a_good_one(refiner: LandmarkRefiner, faces: list[Given]) -> None:
    before, after = [], []
    for picture, landmarks in faces:
        good = refiner.refine(picture, landmarks)
        unit = interocular(good)
        for shift in ((0.08, 0), (-0.08, 0), (0, 0.08), (0, -0.08)):
            bad = refiner.refine(picture, landmarks + np.float32(unit) * np.float32(shift))
            before.append(0.08)
            after.append(np.linalg.norm(bad - good, axis=1).mean() / unit)
    assert np.median(after) < np.median(before) / 3


@LAW
@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 5))
def test_points_move_with_the_picture(refiner: LandmarkRefiner, faces: list[Given], x: int, y: int, which: int) -> None:
    picture, landmarks = faces[which]
    moved = cv2.copyMakeBorder(picture, y, 0, x, 0, cv2.BORDER_REPLICATE)
    found = refiner.refine(np.asarray(moved, dtype=np.uint8), landmarks + np.float32([x, y]))
    still = refiner.refine(picture, landmarks)
    # A pixel that falls on the other side of a threshold may move the points a little.
    assert np.abs(found - [x, y] - still).max() < 0.05 * interocular(still)


def test_a_face_half_outside_gives_points_near_its_landmarks(refiner: LandmarkRefiner, faces: list[Given]) -> None:
    for picture, landmarks in faces:
        half = np.ascontiguousarray(picture[:, round(float(landmarks[2, 0])) :])
        moved = landmarks - np.float32([round(float(landmarks[2, 0])), 0])
        found = refiner.refine(half, moved)
        assert np.isfinite(found).all()
        assert np.linalg.norm(found.mean(axis=0) - moved[:3].mean(axis=0)) < interocular(moved[[1, 1, 0, 0]])


def test_a_face_wholly_outside_breaks_nothing(refiner: LandmarkRefiner, faces: list[Given]) -> None:
    picture, landmarks = faces[0]
    assert np.isfinite(refiner.refine(picture, landmarks + np.float32(5000))).all()
    assert np.isfinite(refiner.refine(picture[:1, :1], landmarks)).all()


@pytest.mark.parametrize("landmarks", [np.zeros((4, 2), np.float32), np.full((4, 2), np.nan, np.float32)])
def test_landmarks_that_define_no_face_are_refused(refiner: LandmarkRefiner, landmarks: Points) -> None:
    with pytest.raises(UsageError, match="coincide"):
        refiner.refine(np.zeros((50, 50, 3), np.uint8), landmarks)
    with pytest.raises(UsageError, match="points are needed"):
        refiner.refine(np.zeros((50, 50, 3), np.uint8), np.zeros((5, 2), np.float32))


@pytest.mark.parametrize("damage", ["byte", "cut", "empty", "missing"])
def test_a_damaged_file_is_refused_in_one_line(damage: str, tmp_path: Path) -> None:
    data = bytearray(REFINER_FILE.read_bytes())
    data[len(data) // 2] ^= 1
    contents = {"byte": bytes(data), "cut": REFINER_FILE.read_bytes()[:-9], "empty": b""}
    file = tmp_path / "five_points.npz"
    if damage in contents:
        file.write_bytes(contents[damage])
    with pytest.raises(TowerError, match="pip install --force-reinstall") as caught:
        LandmarkRefiner(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", REFINER_FILE.read_bytes()[:5000], b"\x93NUMPY"])
def test_other_bytes_are_no_trees(data: bytes) -> None:
    with pytest.raises(DataError, match="no regression trees"):
        trees_from_bytes(data)


def test_trees_whose_arrays_disagree_are_refused() -> None:
    trees = trees_from_bytes(REFINER_FILE.read_bytes())
    with pytest.raises(DataError, match="features have the shape"):
        replace(trees, features=trees.features[:, :, :-1])
    with pytest.raises(DataError, match="that there is not"):
        replace(trees, features=trees.features + np.uint16(60000))


def test_a_template_of_another_refiner_is_refused(models: Path) -> None:
    other = replace(DLIB_TEMPLATE, refiner="0" * 64)
    with pytest.raises(TowerError, match="needs the landmark refiner 000000000000"):
        FaceFinder(template=other, models=models)
    assert refiner_for(DEFAULT_TEMPLATE) is None


def test_the_finder_cuts_by_the_refined_points(faces: list[Given], models: Path) -> None:
    finder = FaceFinder(size_px=150, template=DLIB_TEMPLATE, models=models)
    found = finder.find_one(faces[0][0])
    assert found.points_px.shape == (5, 2)
    assert np.array_equal(found.crop_rgb, align_face(faces[0][0], found.points_px, 150, DLIB_TEMPLATE))
    matrix = similarity_transform(found.points_px, DLIB_TEMPLATE.pixels(150))
    residual = found.points_px @ matrix[:, :2].T + matrix[:, 2] - DLIB_TEMPLATE.pixels(150)
    assert np.abs(residual).max() < 15


@pytest.mark.parametrize("template", [DEFAULT_TEMPLATE, DLIB_TEMPLATE, DLIB_FOUR_TEMPLATE], ids=lambda t: t.name)
def test_a_card_keeps_its_template(template: AlignmentTemplate, tiny_tower_path: Path) -> None:
    card = replace(read_bundle(tiny_tower_path).card, template=template)
    assert card_from_json(card_to_json(card)).template == template
    assert template_from_values(json.loads(json.dumps(template_values(template)))) == template


def test_a_card_of_plain_points_is_written_as_ever(tiny_tower_path: Path) -> None:
    held = json.loads(card_to_json(read_bundle(tiny_tower_path).card))["template"]
    assert sorted(held) == ["name", "points"]


def test_weights_and_refiner_are_part_of_the_space(tiny_tower_path: Path) -> None:
    bundle = read_bundle(tiny_tower_path)
    plain = replace(DLIB_FOUR_TEMPLATE, weights=())
    other = replace(DLIB_TEMPLATE, refiner="0" * 64)
    templates = (plain, DLIB_FOUR_TEMPLATE, DLIB_TEMPLATE, other)
    cards = [replace(bundle.card, template=template) for template in templates]
    assert len({space_fingerprint(bundle.flatbuffer, card, "litert") for card in cards}) == len(templates)
    assert not any(a.aligns_like(b) for a in templates for b in templates if a is not b)


@pytest.mark.parametrize(
    "change",
    [
        {"weights": [1, 1, 1]},
        {"weights": [1, 0, 0, 0]},
        {"weights": [1, -1, 1, 1]},
        {"weights": [1, float("nan"), 1, 1]},
        {"refiner": "a" * 64},
        {"points": [[0.1, 0.2]] * 5},
        {"colour": "blue"},
    ],
)
def test_a_template_that_contradicts_itself_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="alignment template"):
        template_from_values(template_values(DEFAULT_TEMPLATE) | change)


def test_weights_say_how_much_a_point_counts() -> None:
    source = DEFAULT_TEMPLATE.pixels(100)
    target = source.copy()
    target[2] += 30
    ignored = similarity_transform(source, target, (1.0, 1.0, 0.0, 1.0))
    np.testing.assert_allclose(ignored, [[1, 0, 0], [0, 1, 0]], atol=1e-4)
    alike = similarity_transform(source, target, (2.0, 2.0, 2.0, 2.0))
    np.testing.assert_allclose(alike, similarity_transform(source, target))
