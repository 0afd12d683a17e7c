"""A face's landmarks to its aligned crop, and what is measured of it."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.suite.rounds import Timed
from edge_runtime.faces.align import DEFAULT_TEMPLATE, Points, align_face
from edge_runtime.faces.finder import FaceFinder, FoundFace
from edge_runtime.faces.follow import FollowLimits, follow_face
from edge_runtime.faces.quality import Quality, QualityLimits, measure_quality, quality_problem
from edge_runtime.images import Image
from edge_runtime.towers.tower import Tower


def test_align(timed: Timed, frame: Image, face: FoundFace) -> None:
    """The detector's landmarks to a crop."""

    def run() -> Image:
        return align_face(frame, face.face.landmarks_px, 112, DEFAULT_TEMPLATE)

    assert timed(run, what="the detector's landmarks to a crop of 112 px").shape == (112, 112, 3)


def test_refine(timed: Timed, frame: Image, face: FoundFace, finder: FaceFinder) -> None:
    """Landmarks found anew, more exactly."""
    refiner = finder.refiner
    if refiner is None:
        pytest.skip("this tower's template asks for no landmark refiner")

    def run() -> Points:
        return refiner.refine(frame, face.face.landmarks_px)

    assert np.array_equal(timed(run, what="the detector's landmarks made exact by the refiner"), face.points_px)


def test_align_refined(timed: Timed, frame: Image, face: FoundFace, tower: Tower) -> None:
    """The refiner's landmarks to the tower's own crop."""
    size, template = tower.spec.size_px, tower.card.template

    def run() -> Image:
        return align_face(frame, face.points_px, size, template)

    assert np.array_equal(timed(run, what=f"exact landmarks to a crop of {size} px"), face.crop_rgb)


def test_quality(timed: Timed, frame: Image, face: FoundFace) -> None:
    """Everything that is measured of a face, and its limits."""

    def run() -> Quality:
        return measure_quality(frame, face.face, face.crop_rgb)

    assert quality_problem(timed(run, what="all measures of a face's quality"), QualityLimits()) is None


def test_follow(timed: Timed, frame: Image, face: FoundFace) -> None:
    """A face from one frame to the next, without detection."""
    after = np.roll(frame, 2, axis=1)

    def run() -> object:
        return follow_face(frame, after, face.face, FollowLimits())

    assert timed(run, what="a face from one 640×480 frame to the next, without detection") is not None
