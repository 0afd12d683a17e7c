"""dlib's five-point shape predictor as the trees that the device reads (dlib's ``shape_predictor.h``)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import UsageError
from edge_runtime.faces.trees import LEAVES, NODES, ShapeTrees
from train.dlib_files.fetch import PinnedMember
from train.dlib_files.stream import DlibStream

FIVE_POINTS = PinnedMember(
    path="face_recognition_models-0.3.0/face_recognition_models/models/shape_predictor_5_face_landmarks.dat",
    size_bytes=9150489,
    sha256="c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
)
# More of anything than in dlib's own predictors.
_MOST_STAGES, _MOST_TREES, _MOST_PIXELS, _MOST_POINTS = 64, 4096, 4096, 200
# The later stages move the points by less than a change of the start does: those of the package have 15.
DEVICE_STAGES = 6


def read_predictor(data: bytes, *, name: str) -> ShapeTrees:
    """Read a shape predictor whose trees have a depth of 4.

    Args:
        data: The content of its file.
        name: What messages call the file.

    Returns:
        The trees with float32 leaves, as dlib has them. Thresholds are rounded down: the differences of pixels that
        they are compared with are whole numbers.

    Raises:
        DataError: It is damaged, cut short or something else.
    """
    stream = DlibStream(data, name=name)
    stream.version(1)
    initial = stream.matrix(2 * _MOST_POINTS)
    if initial.size % 2 or initial.size < 4:
        stream.refuse(f"a shape of {initial.size} coordinates")
    stages = [_read_stage(stream, initial.size) for _ in range(stream.count(_MOST_STAGES))]
    anchors = [_integers(stream, initial.size // 2) for _ in range(stream.count(_MOST_STAGES))]
    offsets = [_offsets(stream) for _ in range(stream.count(_MOST_STAGES))]
    stream.end()
    pixels = {len(rows) for rows in anchors} | {len(rows) for rows in offsets}
    trees = {len(thresholds) for _, thresholds, _ in stages}
    if not stages or not len(stages) == len(anchors) == len(offsets) or len(pixels) != 1 or len(trees) != 1:
        stream.refuse("stages that differ in size")
    features, thresholds, leaves = (np.stack(parts) for parts in zip(*stages, strict=True))
    if features.max() >= pixels.pop():
        stream.refuse("a node that compares a pixel that there is not")
    return ShapeTrees(
        initial_shape=initial.reshape(-1, 2),
        anchors=np.array(anchors, dtype=np.uint8),
        offsets=np.array(offsets, dtype=np.float32),
        features=features.astype(np.uint16),
        thresholds=np.clip(np.floor(thresholds), -128, 127).astype(np.int8),
        leaves=leaves.astype(np.float32),
        leaf_steps=np.ones((len(stages), initial.size), dtype=np.float32),
    )


def smaller_trees(trees: ShapeTrees, *, stages: int = DEVICE_STAGES) -> ShapeTrees:
    """The first stages alone, with leaves of one byte a number.

    Args:
        trees: As :func:`read_predictor` gives them.
        stages: How many to keep.

    Raises:
        UsageError: There are not so many.
    """
    if not 1 <= stages <= len(trees.anchors):
        raise UsageError(f"the predictor has {len(trees.anchors)} stages; 1 to so many can be kept, not {stages}.")
    leaves = trees.leaves[:stages].astype(np.float64)
    steps = (np.abs(leaves).max(axis=(1, 2)) / 127).astype(np.float32)
    steps[steps == 0] = 1
    return replace(
        trees,
        anchors=trees.anchors[:stages],
        offsets=trees.offsets[:stages],
        features=trees.features[:stages],
        thresholds=trees.thresholds[:stages],
        leaves=np.clip(np.rint(leaves / steps[:, None, None]), -127, 127).astype(np.int8),
        leaf_steps=steps,
    )


_Stage = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]


def _read_stage(stream: DlibStream, coordinates: int) -> _Stage:
    """Pixels of shape (2, trees, 15), thresholds of shape (trees, 15), leaves of shape (trees, 16, coordinates)."""
    splits, leaves = [], []
    for _ in range(stream.count(_MOST_TREES)):
        if stream.count(LEAVES) != NODES:
            stream.refuse("a tree that is not of depth 4")
        splits.append([(stream.count(_MOST_PIXELS), stream.count(_MOST_PIXELS), stream.number()) for _ in range(NODES)])
        if stream.count(LEAVES) != LEAVES:
            stream.refuse("a tree that is not of depth 4")
        leaves.append([stream.matrix(coordinates) for _ in range(LEAVES)])
    if not leaves or any(leaf.size != coordinates for tree in leaves for leaf in tree):
        stream.refuse("leaves of another length than the shape")
    nodes = np.array(splits)
    return (
        nodes[:, :, :2].transpose(2, 0, 1).astype(np.int64),
        nodes[:, :, 2],
        np.array(leaves).reshape(-1, LEAVES, coordinates),
    )


def _integers(stream: DlibStream, below: int) -> list[int]:
    return [stream.integer(0, below - 1) for _ in range(stream.count(_MOST_PIXELS))]


def _offsets(stream: DlibStream) -> list[tuple[float, float]]:
    return [(stream.number(), stream.number()) for _ in range(stream.count(_MOST_PIXELS))]
