"""``import-landmarks``: dlib's own points from dlib's own trees, and the device's file byte for byte."""

import importlib.util
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from train_helpers import cached_member

from edge_runtime.errors import DataError, UsageError
from edge_runtime.faces.landmarks import REFINER_FILE
from edge_runtime.faces.trees import ShapePlacer, ShapeTrees, trees_from_bytes
from train.cli import main
from train.dlib_files.shape import FIVE_POINTS, read_predictor, smaller_trees

BOX_PX, PATCH_PX = 90, 161


@pytest.fixture(scope="module")
def predictor_file(siamlite_home: Path) -> Path:
    return cached_member(FIVE_POINTS)


@pytest.fixture(scope="module")
def whole(predictor_file: Path) -> ShapeTrees:
    return read_predictor(predictor_file.read_bytes(), name="p")


@pytest.mark.registry
def test_the_trees_place_points_as_dlib_does(predictor_file, whole, att_faces):
    if importlib.util.find_spec("dlib") is None:
        pytest.skip("dlib-bin is not installed: there is nothing to compare with")
    import dlib

    placer = ShapePlacer(whole, box_px=BOX_PX, patch_px=PATCH_PX)
    predictor = dlib.shape_predictor(str(predictor_file))
    edge = (PATCH_PX - 1 - BOX_PX) // 2
    box = dlib.rectangle(edge, edge, edge + BOX_PX, edge + BOX_PX)
    differences = []
    for person in range(1, 41):
        face = cv2.imread(str(att_faces / f"s{person}/1.pgm"), cv2.IMREAD_GRAYSCALE)
        patch = cv2.copyMakeBorder(face, 24, 25, 34, 35, cv2.BORDER_REPLICATE)
        assert patch.shape == (PATCH_PX, PATCH_PX)
        wanted = np.array([[point.x, point.y] for point in predictor(patch, box).parts()])
        differences.append(np.abs(np.floor(placer.place(patch) + 0.5) - wanted).max())
    # dlib gives whole pixels. It sums in float32: in a few faces a pixel or a threshold falls on the other side.
    assert np.mean(np.array(differences) == 0) > 0.7
    assert max(differences) <= 3


@pytest.mark.registry
def test_the_devices_file_is_made_again_byte_for_byte(predictor_file, tmp_path, capsys):
    out = tmp_path / "made.npz"
    assert main(["import-landmarks", "--out", str(out), "--file", str(predictor_file), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["pinned"] is True
    assert out.read_bytes() == REFINER_FILE.read_bytes()
    assert main(["import-landmarks", "--out", str(out), "--file", str(predictor_file)]) == 2
    assert "--force" in capsys.readouterr().err


@pytest.mark.registry
def test_smaller_trees_round_leaves_to_half_a_step(whole):
    small = smaller_trees(whole, stages=2)
    steps = small.leaf_steps[:, None, None]
    assert np.abs(small.leaves * steps - whole.leaves[:2]).max() <= steps.max() * 0.51
    with pytest.raises(UsageError, match="1 to so many"):
        smaller_trees(whole, stages=len(whole.anchors) + 1)


@pytest.mark.registry
@pytest.mark.parametrize("place", [0, 1, 3, 30, 200, 5000])
def test_a_damaged_predictor_is_refused(place, predictor_file):
    data = predictor_file.read_bytes()
    with pytest.raises(DataError, match="damaged, cut short"):
        read_predictor(data[:place], name="p")
    with pytest.raises(DataError, match="damaged, cut short"):
        read_predictor(data[:place] + b"\xff" * 9 + data[place + 9 :], name="p")


def test_another_file_is_refused(tmp_path, capsys):
    file = tmp_path / "other.dat"
    file.write_bytes(REFINER_FILE.read_bytes())
    assert main(["import-landmarks", "--out", str(tmp_path / "x.npz"), "--file", str(file)]) == 3
    assert "not the pinned shape_predictor_5_face_landmarks.dat" in capsys.readouterr().err
    assert not (tmp_path / "x.npz").exists()


def test_the_devices_file_holds_what_it_should():
    trees = trees_from_bytes(REFINER_FILE.read_bytes())
    assert trees.leaves.dtype == np.int8
    assert trees.initial_shape.shape == (5, 2)
