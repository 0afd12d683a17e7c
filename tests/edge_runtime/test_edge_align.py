"""Alignment: the transform is the least-squares one, and crops show the landmarks where the template wants them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from edge_helpers import LAW
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import UsageError
from edge_runtime.faces.align import DEFAULT_TEMPLATE, AlignmentTemplate, align_face, similarity_transform

seeds = st.integers(0, 2**32 - 1)


def distance(matrix: np.ndarray, source: np.ndarray, target: np.ndarray) -> float:
    return float(np.sum((source @ matrix[:, :2].T + matrix[:, 2] - target) ** 2))


def similarity(angle: float, scale: float, x: float, y: float) -> np.ndarray:
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cos, -sin, x], [sin, cos, y]])


@LAW
@given(seeds, st.floats(-3.1, 3.1), st.floats(0.05, 20), st.floats(-500, 500), st.floats(-500, 500))
def test_a_transform_is_found_again(seed: int, angle: float, scale: float, x: float, y: float) -> None:
    source = np.random.default_rng(seed).uniform(0, 200, (4, 2))
    matrix = similarity(angle, scale, x, y)
    found = similarity_transform(source, source @ matrix[:, :2].T + matrix[:, 2])
    np.testing.assert_allclose(found, matrix, rtol=1e-6, atol=1e-5)


@LAW
@given(seeds)
def test_no_other_similarity_comes_nearer(seed: int) -> None:
    generator = np.random.default_rng(seed)
    source, target = generator.uniform(0, 100, (2, 4, 2))
    best = similarity_transform(source, target)
    assert best[0, 0] == best[1, 1]
    assert best[0, 1] == -best[1, 0]
    for _ in range(20):
        a, b, x, y = generator.normal(size=4) * [0.05, 0.05, 5, 5]
        other = best + np.array([[a, -b, x], [b, a, y]])
        assert distance(other, source, target) >= distance(best, source, target) - 1e-9


@pytest.mark.parametrize("size", [48, 112, 150])
@pytest.mark.parametrize("scale", [0.2, 1.0, 2.0, 5.0])
def test_landmarks_land_on_the_template(size: int, scale: float) -> None:
    template = DEFAULT_TEMPLATE.pixels(size)
    matrix = similarity(0.3, scale, 60 + 40 * scale, 40 + 20 * scale)
    points = (template @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    side = int(points.max() + size * scale)
    picture = np.zeros((side, side, 3), np.uint8)
    yy, xx = np.mgrid[:side, :side]
    for x, y in points:
        blob = 255 * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * (3 * scale * size / 112) ** 2 + 1))
        picture = np.maximum(picture, blob[..., None].astype(np.uint8))
    crop = align_face(picture, points, size)[..., 0].astype(float)
    assert crop.shape == (size, size)
    for x, y in template:
        left, top, reach = round(float(x)), round(float(y)), max(3, size // 16)
        part = crop[top - reach : top + reach + 1, left - reach : left + reach + 1]
        py, px = np.mgrid[top - reach : top + reach + 1, left - reach : left + reach + 1]
        assert abs((part * px).sum() / part.sum() - x) < 0.6
        assert abs((part * py).sum() / part.sum() - y) < 0.6


def test_fine_texture_does_not_alias() -> None:
    picture = np.zeros((1000, 1000, 3), np.uint8)
    picture[:, ::2] = 255
    crop = align_face(picture, DEFAULT_TEMPLATE.pixels(900) + 50, 48)
    assert crop.std() < 3
    assert abs(crop.mean() - 127.5) < 3


def test_the_border_is_replicated() -> None:
    crop = align_face(np.full((60, 60, 3), 77, np.uint8), DEFAULT_TEMPLATE.pixels(48) - 40, 48)
    assert (crop == 77).all()


@pytest.mark.parametrize("landmarks", [np.ones((4, 2)), np.zeros((3, 2)), np.full((4, 2), np.nan)])
def test_landmarks_that_define_nothing_are_refused(landmarks: np.ndarray) -> None:
    with pytest.raises(UsageError, match=r"coincide|points are needed"):
        align_face(np.zeros((50, 50, 3), np.uint8), landmarks.astype(np.float32), 48)


@pytest.mark.parametrize(
    "points", [((0, 0),) * 4, ((0.1, 0.5), (0.2, 0.5), (0.3, 0.5), (0.4, 0.5)), ((0.1, 0.2), (0.3, 0.4)), ((9, 9),) * 4]
)
def test_a_template_needs_four_points_of_a_face(points: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(UsageError, match="alignment template"):
        AlignmentTemplate(name="odd", points=points)


def test_alignment_agrees_with_opencv_for_noiseless_points() -> None:
    source = DEFAULT_TEMPLATE.pixels(112)
    matrix = similarity(0.2, 0.7, 10, -4)
    target = (source @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    theirs, _ = cv2.estimateAffinePartial2D(source, target)
    np.testing.assert_allclose(similarity_transform(source, target), theirs, atol=1e-3)
