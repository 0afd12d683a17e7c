"""What the speed suites measure on: a real tower, real detectors, a frame with a real face."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.demo.att import extract_att
from benchmarks.demo.scene import plan_visits, render
from edge_runtime.faces.finder import FaceFinder, FoundFace
from edge_runtime.fetch import install_detectors
from edge_runtime.home import cache_folder
from edge_runtime.images import Image
from edge_runtime.towers.tower import Tower

_ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def tower() -> Tower:
    """``$SIAMLITE_TOWER``, else the tower of ``make demo-train`` if it was made, else the small one of the tests."""
    candidates = [os.environ.get("SIAMLITE_TOWER"), _ROOT / "demo-train/tower.tflite", _ROOT / "tests/data/tiny.tflite"]
    return Tower.load(next(Path(path) for path in candidates if path and Path(path).exists()))


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the face detectors."""
    return install_detectors(folder=tmp_path_factory.mktemp("home") / "models")[0].parent


@pytest.fixture(scope="session")
def finder(tower: Tower, models: Path) -> FaceFinder:
    """A face finder that fits the tower."""
    return FaceFinder(size_px=tower.card.input.size_px, template=tower.card.template, models=models)


@pytest.fixture(scope="session")
def frame() -> Image:
    """A 640×480 frame with one face in it."""
    faces = extract_att(cache_folder() / "att")
    visits = plan_visits([("s1", True)], seed=1)
    frames = list(render(visits, {"s1": [faces / "s1/1.pgm"]}, seed=1))
    return frames[len(frames) // 2]


@pytest.fixture(scope="session")
def face(finder: FaceFinder, frame: Image) -> FoundFace:
    """The face in that frame."""
    return finder.find(frame)[0]


@pytest.fixture(scope="session")
def rng() -> np.random.Generator:
    """Seeded random numbers."""
    return np.random.default_rng(0)
