"""Regression trees that place the points of a face in a grey picture.

Kazemi and Sullivan 2014, "One Millisecond Face Alignment with an Ensemble of Regression Trees", CVPR, in the form of
dlib's ``shape_predictor.h``: stages of trees whose nodes compare two pixels, each pixel tied to a point of the shape as
it stands; the leaves that are reached move the shape, and the next stage looks again.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import arrays_in
from edge_runtime.errors import DataError

_DEPTH, _MAX_BYTES = 4, 64 << 20
NODES, LEAVES = (1 << _DEPTH) - 1, 1 << _DEPTH
_KINDS = {
    "initial_shape": "f", "anchors": "u", "offsets": "f", "features": "u", "thresholds": "i", "leaves": "if",
    "leaf_steps": "f",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeTrees:
    """The trees of all stages: s stages, f pixels a stage, t trees a stage, p points.

    Attributes:
        initial_shape: float64 of shape (p, 2): the points before the first stage, in a box from 0 to 1.
        anchors: uint8 of shape (s, f): the point that each pixel is tied to.
        offsets: float32 of shape (s, f, 2): where the pixel lies from it, in boxes, while the shape is upright.
        features: uint16 of shape (s, 2, t, 15): the two pixels that each node compares.
        thresholds: int8 of shape (s, t, 15): the way goes left if the first is brighter than the second by more.
        leaves: int8 (or float32) of shape (s, t, 16, 2p): how each leaf moves the shape, in steps.
        leaf_steps: float32 of shape (s, 2p): the steps, in boxes.
    """

    initial_shape: npt.NDArray[np.float64]
    anchors: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.float32]
    features: npt.NDArray[np.uint16]
    thresholds: npt.NDArray[np.int8]
    leaves: npt.NDArray[np.int8] | npt.NDArray[np.float32]
    leaf_steps: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together, so that no index can leave its array."""
        for name, kinds in _KINDS.items():
            array = getattr(self, name)
            if array.dtype.kind not in kinds or array.size == 0 or not np.isfinite(array).all():
                raise DataError(f"the trees' {name} are no numbers of their kind.")
        points = len(self.initial_shape)
        stages, pixels = self.anchors.shape
        trees = self.thresholds.shape[1]
        shapes = {
            "initial_shape": (points, 2),
            "offsets": (stages, pixels, 2),
            "features": (stages, 2, trees, NODES),
            "thresholds": (stages, trees, NODES),
            "leaves": (stages, trees, LEAVES, 2 * points),
            "leaf_steps": (stages, 2 * points),
        }
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise DataError(f"the trees' {name} have the shape {getattr(self, name).shape}, not {shape}.")
        if self.anchors.max() >= points or self.features.max() >= pixels:
            raise DataError("the trees name a point or a pixel that there is not.")


class ShapePlacer:
    """Trees made ready for pictures of one size, in which the face's box always lies at the same place.

    Everything that a stage does is linear in the shape but for the choice of leaves. So the places of all its pixels
    are one product of a matrix with the shape, and all its nodes one comparison.
    """

    def __init__(self, trees: ShapeTrees, *, box_px: float, patch_px: int) -> None:
        """Lay the arrays out.

        Args:
            trees: The trees.
            box_px: Side of the face's box, which lies in the middle of the picture.
            patch_px: Side of the picture.
        """
        self.patch_px = patch_px
        origin = (patch_px - 1 - box_px) / 2
        self._start = np.append((trees.initial_shape * box_px + origin).ravel(), 1.0)
        self._stages = [_Stage(trees, stage, box_px) for stage in range(len(trees.anchors))]
        self._leaf_of_code = _leaf_table()

    def place(self, patch: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """Find the points.

        Args:
            patch: uint8 grey picture of shape (patch_px, patch_px).

        Returns:
            float64 of shape (p, 2): (x, y) in pixels.
        """
        pixels = patch.reshape(-1).astype(np.int16)
        shape = self._start.copy()
        for stage in self._stages:
            # The half pixel for rounding is in the matrix: what is cut off here is rounded.
            column, row = (stage.places @ shape).astype(np.intp).reshape(2, -1)
            seen = pixels.take(row * self.patch_px + column, mode="clip").take(stage.features, mode="clip")
            goes_right = seen[0] - seen[1] <= stage.thresholds
            codes = np.packbits(goes_right, axis=None, bitorder="little").view("<u2")
            leaf = self._leaf_of_code.take(codes) + stage.first_leaf
            # Whole numbers are summed exactly, in whatever order: the same points on every machine.
            shape[:-1] += stage.ones @ stage.leaves.take(leaf, axis=0, mode="clip") * stage.leaf_steps
        return shape[:-1].reshape(-1, 2)


class _Stage:
    """One stage's arrays in the layout and the types that :meth:`ShapePlacer.place` is fast with."""

    def __init__(self, trees: ShapeTrees, stage: int, box_px: float) -> None:
        count = trees.thresholds.shape[1]
        self.places = _places_matrix(trees.initial_shape, trees.anchors[stage], trees.offsets[stage])
        # A sixteenth node that compares a pixel with itself makes each tree's decisions two whole bytes.
        self.features = np.zeros((2, count, LEAVES), dtype=np.intp)
        self.features[:, :, :NODES] = trees.features[stage]
        self.thresholds = np.zeros((count, LEAVES), dtype=np.int16)
        self.thresholds[:, :NODES] = trees.thresholds[stage]
        self.leaves = np.ascontiguousarray(trees.leaves[stage].reshape(count * LEAVES, -1), dtype=np.float32)
        self.leaf_steps = trees.leaf_steps[stage].astype(np.float64) * box_px
        self.first_leaf = np.arange(count, dtype=np.intp) * LEAVES
        # A product with ones sums faster than sum().
        self.ones = np.ones(count, dtype=np.float32)


def _places_matrix(
    initial: npt.NDArray[np.float64], anchors: npt.NDArray[np.uint8], offsets: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    """What takes a shape (x, y, x, y, …, 1) to the places of all pixels: first every column, then every row.

    The turn from the initial shape to the present one is the least-squares similarity of Umeyama (1991); as one complex
    number it is linear in the present shape, and so is each pixel: its point plus its offset, turned.
    """
    centred = (initial - initial.mean(axis=0)) / np.sum((initial - initial.mean(axis=0)) ** 2)
    turn_real = centred.ravel()
    turn_imaginary = np.column_stack([-centred[:, 1], centred[:, 0]]).ravel()
    x, y = offsets.astype(np.float64).T[:, :, None]
    matrix = np.zeros((2, len(anchors), 2 * len(initial) + 1))
    matrix[0, :, :-1] = x * turn_real - y * turn_imaginary
    matrix[1, :, :-1] = x * turn_imaginary + y * turn_real
    pixels = np.arange(len(anchors))
    matrix[0, pixels, 2 * anchors.astype(np.intp)] += 1
    matrix[1, pixels, 2 * anchors.astype(np.intp) + 1] += 1
    matrix[:, :, -1] = 0.5
    return matrix.reshape(2 * len(anchors), -1)


def _leaf_table() -> npt.NDArray[np.intp]:
    """The leaf that a tree's decisions lead to, for every way to decide: bit i says that node i goes right."""
    codes = np.arange(1 << LEAVES)
    node = np.zeros_like(codes)
    for _ in range(_DEPTH):
        node = 2 * node + 1 + (codes >> node & 1)
    return (node - NODES).astype(np.intp)


def trees_to_bytes(trees: ShapeTrees) -> bytes:
    """The trees as an ``.npz`` file: the same trees always give the same bytes."""
    stream = io.BytesIO()
    np.savez(stream, **{field.name: getattr(trees, field.name) for field in fields(ShapeTrees)})
    return stream.getvalue()


def trees_from_bytes(data: bytes) -> ShapeTrees:
    """Read what :func:`trees_to_bytes` gave.

    Raises:
        DataError: It is something else.
    """
    try:
        return ShapeTrees(**arrays_in(data, [field.name for field in fields(ShapeTrees)], most_bytes=_MAX_BYTES))
    except (ValueError, TypeError, IndexError) as error:
        raise DataError(f"these are no regression trees ({error}).") from error
