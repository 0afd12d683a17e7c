"""What the speed suites measure on: towers, face detectors, a drawn face, the AT&T faces."""

from __future__ import annotations

import os
import sys

# The reference kernels and the stages have one core each, which must be said before numpy is loaded: threads that wait
# for one another on a busy machine make a kernel ten times dearer, and every ratio to it a tenth.
if "numpy" in sys.modules and "OPENBLAS_NUM_THREADS" not in os.environ:
    raise ImportError("numpy was loaded before the benchmarks. Run them by: OPENBLAS_NUM_THREADS=1 pytest benchmarks")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from benchmarks.suite.accuracy import CropSet, att_crops
from benchmarks.suite.kernels import Reference
from benchmarks.suite.machine import describe_machine
from benchmarks.suite.rounds import Timed
from benchmarks.suite.towers import ACCURATE, recipe_folder
from edge_runtime.errors import FetchError
from edge_runtime.faces.align import AlignmentTemplate
from edge_runtime.faces.finder import FaceFinder, FoundFace
from edge_runtime.fetch import install_detectors
from edge_runtime.images import Image
from edge_runtime.machine.drawn import drawn_frames
from edge_runtime.towers.tower import Tower


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the one option of the suites."""
    parser.addoption("--times-only", action="store_true", help="do not score the towers that are timed")


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_generate_machine_info() -> dict[str, Any]:
    """Say what is kept of the machine; pytest-benchmark's own way of asking takes a second."""
    return describe_machine()


@pytest.fixture(scope="session")
def reference() -> Reference:
    """The reference kernels."""
    return Reference()


@pytest.fixture
def timed(benchmark: Any, reference: Reference) -> Timed:
    """Times something between turns of the reference kernels."""
    return Timed(benchmark, reference)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    cv2.setNumThreads(1)


@pytest.fixture(scope="session")
def tower() -> Tower:
    """``$SIAMLITE_TOWER``, else the one that ships."""
    return Tower.load(Path(os.environ.get("SIAMLITE_TOWER", ACCURATE)))


@pytest.fixture(scope="session")
def recipes() -> Path:
    """Folder of the trial tower by every recipe."""
    folder = recipe_folder()
    if not (folder / "made.json").is_file():
        pytest.skip(f"no trial tower in {folder.name}: python -m benchmarks.suite.towers makes it (with TensorFlow)")
    return folder


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the face detectors."""
    try:
        return install_detectors(folder=tmp_path_factory.mktemp("home") / "models")[0].parent
    except FetchError as error:
        pytest.skip(f"no face detectors: {error}")


@pytest.fixture(scope="session")
def finder(tower: Tower, models: Path) -> FaceFinder:
    """A face finder that fits the tower."""
    return FaceFinder(size_px=tower.card.input.size_px, template=tower.card.template, models=models)


@pytest.fixture(scope="session")
def frame() -> Image:
    """A 640×480 frame with one drawn face, nobody's."""
    return next(drawn_frames(640, 480))


@pytest.fixture(scope="session")
def face(finder: FaceFinder, frame: Image) -> FoundFace:
    """The face in that frame."""
    return finder.find(frame)[0]


@pytest.fixture(scope="session")
def rng() -> np.random.Generator:
    """Seeded random numbers."""
    return np.random.default_rng(0)


class Crops:
    """The AT&T faces, found and aligned when they are first asked for."""

    def __init__(self, models: Callable[[], Path]) -> None:
        self._models = models
        self._held: dict[tuple[int, AlignmentTemplate, int], CropSet] = {}

    def of(self, size_px: int, template: AlignmentTemplate, *, people: tuple[str, ...]) -> CropSet:
        """Crops of some people; skips the test where the pictures are not to be had."""
        key = (size_px, template, len(people))
        if key not in self._held:
            finder = FaceFinder(size_px=size_px, template=template, models=self._models())
            try:
                self._held[key] = att_crops(finder, people)
            except FetchError as error:
                pytest.skip(f"no AT&T faces: {error}")
        return self._held[key]


@pytest.fixture(scope="session")
def crops(request: pytest.FixtureRequest) -> Crops:
    """Crops of the AT&T faces; the detectors are fetched when the first are asked for."""
    return Crops(lambda: request.getfixturevalue("models"))
