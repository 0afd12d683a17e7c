"""The tower, the face finder and the command line for the tests of the device."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from edge_helpers import DAMAGES, GENUINE, THRESHOLD, Command, damaged

from edge_runtime.decisions.policy import DecisionPolicy
from edge_runtime.decisions.verifier import Verifier
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.faces.tracker import TrackPolicy
from edge_runtime.gallery.enrol import EnrolmentPolicy, collect
from edge_runtime.gallery.store import Gallery
from edge_runtime.sources.camera import PictureSource
from edge_runtime.towers.tower import Tower


@pytest.fixture(scope="session")
def tower(tiny_tower_path: Path) -> Tower:
    return Tower.load(tiny_tower_path)


@pytest.fixture(scope="session")
def finder(tower: Tower, models: Path) -> FaceFinder:
    return FaceFinder(size_px=tower.spec.size_px, template=tower.card.template, models=models)


@pytest.fixture(scope="session")
def people(att_faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, int, int], Path]:
    """A folder with some pictures of one person, by first and last number."""

    def copy(name: str, first: int, last: int) -> Path:
        folder = tmp_path_factory.mktemp(f"{name}-{first}-{last}")
        for number in range(first, last + 1):
            (folder / f"{number}.pgm").write_bytes((att_faces / name / f"{number}.pgm").read_bytes())
        return folder

    return copy


@pytest.fixture(scope="session")
def enrolled_bytes(
    tower: Tower, finder: FaceFinder, people: Callable[[str, int, int], Path], tmp_path_factory: pytest.TempPathFactory
) -> bytes:
    """A gallery file in which one AT&T person is enrolled with five pictures."""
    path = tmp_path_factory.mktemp("gallery") / "g.db"
    enrolment = collect(PictureSource(people(GENUINE, 1, 5)), finder, tower, EnrolmentPolicy())
    with Gallery.open(path, tower, create=True) as gallery:
        gallery.enrol(GENUINE, enrolment.templates)
    return path.read_bytes()


@pytest.fixture
def gallery_path(enrolled_bytes: bytes, tmp_path: Path) -> Path:
    """A copy of that gallery."""
    path = tmp_path / "gallery.db"
    path.write_bytes(enrolled_bytes)
    return path


@pytest.fixture
def siamlite(capfd: pytest.CaptureFixture[str], models: Path, siamlite_home: Path) -> Command:
    # Rejections of other tests must not lock this one out.
    (siamlite_home / "audit" / "lockout.json").unlink(missing_ok=True)
    return Command(capfd)


@pytest.fixture(scope="session")
def damaged_towers(tiny_tower_path: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    made = list(damaged(tiny_tower_path, tmp_path_factory.mktemp("damaged")).values())
    return dict(zip(DAMAGES, made, strict=True))


@pytest.fixture
def make(tower: Tower, finder: FaceFinder, gallery_path: Path) -> Callable[..., Verifier]:
    """Verifiers of one enrolled person, by their policy."""

    def build(detect_every: int = 10, **policy: object) -> Verifier:
        with Gallery.open(gallery_path, tower) as gallery:
            return Verifier(
                tower,
                gallery,
                finder,
                claimed=GENUINE,
                threshold=THRESHOLD,
                policy=DecisionPolicy(**policy),  # type: ignore[arg-type]
                tracking=TrackPolicy(detect_every=detect_every),
            )

    return build
