"""Files of detectors and of the landmark refiner."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.fuzz.contract import Attempt, Wrong
from edge_runtime.faces.blazeface import MODELS, BlazeFace
from edge_runtime.faces.landmarks import REFINER_FILE, LandmarkRefiner
from edge_runtime.faces.trees import ShapePlacer, trees_from_bytes, trees_to_bytes
from edge_runtime.faces.yunet import YuNet

_CACHE = Path(__file__).resolve().parents[2] / ".cache"


def trees_seeds(folder: Path) -> list[bytes]:
    """Small trees."""
    from edge_runtime.faces.trees import LEAVES, NODES, ShapeTrees

    small = ShapeTrees(
        initial_shape=np.random.default_rng(0).uniform(size=(5, 2)),
        anchors=np.zeros((2, 4), np.uint8),
        offsets=np.zeros((2, 4, 2), np.float32),
        features=np.zeros((2, 2, 3, NODES), np.uint16),
        thresholds=np.zeros((2, 3, NODES), np.int8),
        leaves=np.zeros((2, 3, LEAVES, 10), np.int8),
        leaf_steps=np.zeros((2, 10), np.float32),
    )
    return [trees_to_bytes(small)]


def make_trees(folder: Path) -> Attempt:
    """The arrays of regression trees, laid out and run; and the pinned file, which no other may stand for."""
    patch = np.zeros((150, 150), np.uint8)
    good = REFINER_FILE.read_bytes()

    def attempt(data: bytes) -> None:
        file = folder / "five_points.npz"
        file.write_bytes(data)
        trees = trees_from_bytes(data)
        ShapePlacer(trees, box_px=100.0, patch_px=150).place(patch)
        LandmarkRefiner(file)
        if data != good:
            raise Wrong("another refiner than the pinned one")

    return attempt


def make_pinned(folder: Path) -> Attempt:
    """The file of a pinned detector: any other is refused before an interpreter sees it."""
    model = MODELS["short-range"]

    def attempt(data: bytes) -> None:
        file = folder / model.file_name
        file.write_bytes(data)
        BlazeFace(file, model)
        raise Wrong("another detector than the pinned one")

    return attempt


def pinned_seeds(folder: Path) -> list[bytes]:
    """What begins like a model."""
    return [b"\x1c\0\0\0TFL3" + bytes(64), b""]


def yunet_seeds(folder: Path) -> list[bytes]:
    """A YuNet, if one was made here (see :mod:`benchmarks.detectors.yunet_file`), and the beginning of an ONNX file."""
    made = _CACHE / "yunet.onnx"
    return [*([made.read_bytes()] if made.is_file() else []), b"\x08\x07\x12\x07pytorch", b""]


def make_yunet(folder: Path) -> Attempt:
    """A YuNet of the user's own: this is where OpenCV's reader of ONNX is reached."""
    picture = np.zeros((80, 96, 3), np.uint8)

    def attempt(data: bytes) -> None:
        file = folder / "case.onnx"
        file.write_bytes(data)
        YuNet(file).detect(picture)

    return attempt
