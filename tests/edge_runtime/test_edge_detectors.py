"""Which detector is chosen, and YuNet from a file that the user gives."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_helpers import LAW, Command, scene
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.detectors.__main__ import RESULT
from benchmarks.detectors.measure import least_share
from benchmarks.detectors.page import block
from benchmarks.detectors.yunet_file import make_yunet
from edge_runtime.errors import FetchError, TowerError, UsageError
from edge_runtime.faces.blazeface import MODELS
from edge_runtime.faces.choice import AutoDetector, choose_model, open_detector
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.faces.shrink import halvings, shrunk
from edge_runtime.faces.yunet import YuNet
from edge_runtime.home import cache_folder

DETECTION_PAGE = Path(__file__).resolve().parents[2] / "docs" / "detection.md"


@pytest.fixture(scope="module")
def yunet() -> Path:
    """A YuNet file."""
    try:
        return make_yunet(cache_folder() / "yunet.onnx")
    except FetchError as error:
        pytest.skip(f"there is no YuNet to be had here: {error}")


def test_yunet_puts_the_landmarks_where_blazeface_does(yunet: Path, models: Path, att_faces: Path) -> None:
    image = scene(att_faces / "s1/1.pgm", scale=1.7)
    (face,) = open_detector(f"yunet:{yunet}").detect(image)
    (other,) = open_detector("back", models=models).detect(image)
    away = np.linalg.norm(face.landmarks_px - other.landmarks_px, axis=1).mean()
    assert away < 0.15 * other.interocular_px
    left, top, right, bottom = face.box_px
    assert all(left < x < right and top < y < bottom for x, y in face.landmarks_px)
    assert 0.7 <= face.score <= 1
    # Twice as large a picture has twice as large a face, though the network sees the same.
    (larger,) = open_detector(f"yunet:{yunet}").detect(np.asarray(cv2.resize(image, None, fx=2, fy=2), np.uint8))
    np.testing.assert_allclose(larger.landmarks_px + 0.5, 2 * (face.landmarks_px + 0.5), atol=4)


def test_yunet_takes_frames_of_any_size_in_turn(yunet: Path, att_faces: Path) -> None:
    detector = YuNet(yunet)
    image = scene(att_faces / "s1/1.pgm", scale=1.7)
    before = detector.detect(image)[0].landmarks_px
    for shape in ((1, 1, 3), (33, 700, 3), (481, 31, 3)):
        assert detector.detect(np.full(shape, 90, np.uint8)) == []
    np.testing.assert_array_equal(detector.detect(image)[0].landmarks_px, before)


def test_a_finder_with_yunet_cuts_faces_out(yunet: Path, att_faces: Path) -> None:
    finder = FaceFinder(detector=f"yunet:{yunet}")
    (found,) = finder.find(scene(att_faces / "s1/1.pgm", scale=1.7))
    assert found.problem is None
    assert finder.detector.name == f"yunet:{yunet}"


def test_files_that_are_no_yunet_are_refused_in_one_line(yunet: Path, tmp_path: Path) -> None:
    data = yunet.read_bytes()
    wrong = {
        "empty": (b"", "it is empty"),
        "truncated": (data[: len(data) // 2], "no YuNet that OpenCV"),
        "cut": (data[:-9], "no YuNet that OpenCV"),
        "text": (b"hello" * 99, "no YuNet that OpenCV"),
        "older": (data.replace(b"kps_32", b"old_32"), "has no output kps_32"),
        "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
    }
    for name, (content, why) in wrong.items():
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(content)
        with pytest.raises(TowerError, match=why) as caught:
            open_detector(f"yunet:{path}")
        assert "\n" not in str(caught.value)
    with pytest.raises(TowerError, match="No such file"):
        open_detector(f"yunet:{tmp_path / 'none.onnx'}")
    with pytest.raises(TowerError, match="Is a directory"):
        open_detector(f"yunet:{tmp_path}")


def test_the_choice_follows_from_what_was_measured() -> None:
    """No limit in the code is below that of the last run, nor far above it, and the page shows that run."""
    result = json.loads(RESULT.read_text())
    for row in result["pasted"]:
        if row["detector"] in MODELS:
            assert 1 <= MODELS[row["detector"]].least_share / least_share(row) <= 1.5
    assert block(result) in DETECTION_PAGE.read_text()


def test_the_smallest_face_decides() -> None:
    for shape in ((480, 640, 3), (720, 1280, 3), (1280, 720, 3)):
        assert choose_model(shape).name == "full-range"
    frame = (480, 640, 3)
    assert [choose_model(frame, px).name for px in (20, 60, 100, 199, 200, 400)] == [
        "back", "back", "full-range", "full-range", "short-range", "short-range",
    ]  # fmt: skip
    # The same face is a smaller part of a larger frame.
    assert choose_model((1080, 1920, 3), 200).name == "back"


@LAW
@given(st.integers(16, 4000), st.integers(16, 4000), st.floats(1, 4000), st.floats(1, 4000))
def test_a_larger_face_never_asks_for_a_slower_model(height: int, width: int, one: float, other: float) -> None:
    small, large = sorted((one, other))
    assert choose_model((height, width), large).cost <= choose_model((height, width), small).cost


def test_auto_loads_what_it_needs(models: Path, att_faces: Path) -> None:
    image = scene(att_faces / "s1/1.pgm", scale=1.7)
    usual, named = AutoDetector(models), open_detector("full-range", models=models)
    np.testing.assert_array_equal(usual.detect(image)[0].landmarks_px, named.detect(image)[0].landmarks_px)
    near = AutoDetector(models, smallest_px=250)
    assert near.chosen(image.shape).name == "short-range"
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="smallest face"):
            AutoDetector(models, smallest_px=wrong)


def test_wrong_detectors_are_usage_errors(siamlite: Command, tiny_tower_path: Path) -> None:
    for words, why in (
        (["--detector", "haar"], "known are auto, full-range"),
        (["--detector", "yunet"], "--detector yunet:FILE.onnx"),
        (["--detector", "back", "--detector-model", "x.onnx"], "--detector-model is YuNet's file"),
        (["--smallest-face", "0"], "smallest face"),
    ):
        assert why in siamlite.fails(2, "identify", "--tower", tiny_tower_path, "--source", "none", *words)


@LAW
@given(st.integers(1, 120), st.integers(1, 120), st.floats(1, 9))
def test_halving_first_changes_next_to_nothing(rows: int, columns: int, shrink: float) -> None:
    """On light and shade of one grey level a pixel, less than a pixel's worth and the rounding."""
    size = max(1, int(columns / shrink)), max(1, int(rows / shrink))
    image = np.add.outer(np.arange(rows), np.arange(columns)).astype(np.uint8)
    plain = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    halved = shrunk(image, *size).astype(np.float32)
    assert halved.shape == plain.shape
    assert np.abs(halved - plain).max() <= 2


def test_halving_is_taken_where_it_helps() -> None:
    assert [halvings(480, 640, shrink) for shrink in (1.0, 2.0, 3.33, 5.0, 40.0)] == [1, 2, 2, 4, 32]
    assert halvings(481, 640, 4.0) == 1
