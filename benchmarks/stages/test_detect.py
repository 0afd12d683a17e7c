"""Faces in a frame, by each detector."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.suite.rounds import Timed
from edge_runtime.faces.blazeface import MODELS
from edge_runtime.faces.detect import Face
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.images import Image


@pytest.mark.parametrize("name", sorted(MODELS))
def test_detect(timed: Timed, name: str, models: Path, frame: Image) -> None:
    """Boxes and landmarks in a 640×480 frame, one thread."""
    detector = FaceFinder(detector=name, models=models).detector

    def run() -> list[Face]:
        return detector.detect(frame)

    assert len(timed(run, what=f"all faces of a 640×480 frame, detector {name}")) == 1
