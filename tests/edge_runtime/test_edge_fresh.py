"""Whoever watches a camera notices what happens to the gallery meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from edge_helpers import GENUINE, IMPOSTOR, THRESHOLD, frames, in_python, scene, unit

from edge_runtime.decisions.decide import Decision, Outcome
from edge_runtime.decisions.policy import DecisionPolicy
from edge_runtime.decisions.verifier import Verifier
from edge_runtime.errors import GalleryError
from edge_runtime.faces.finder import FaceFinder, FoundFace
from edge_runtime.gallery.rewriting import rekey
from edge_runtime.gallery.store import Gallery
from edge_runtime.gallery.watching import GalleryWatch, Reading
from edge_runtime.images import Image
from edge_runtime.sources.camera import Frame
from edge_runtime.towers.tower import Tower

WALL = np.full((240, 320, 3), 96, np.uint8)
Act = Callable[[], object]


class Visits:
    """The same person, coming again and again; between the visits something happens."""

    def __init__(self, tower: Tower, finder: FaceFinder, path: Path, face: Image) -> None:
        self.tower, self.finder, self.path, self.face = tower, finder, path, face
        with Gallery.open(path, tower) as gallery:
            if "another" not in [person.name for person in gallery.people()]:
                gallery.enrol("another", unit(7, length=gallery.embedding_length))

    def verifier(self, *, claimed: str | None = None, finder: FaceFinder | None = None) -> Verifier:
        with Gallery.open(self.path, self.tower) as gallery:
            policy = DecisionPolicy(frames=3)
            return Verifier(
                self.tower, gallery, finder or self.finder, claimed=claimed, threshold=THRESHOLD, policy=policy
            )

    def gallery(self, act: Callable[[Gallery], object]) -> Act:
        def changed() -> None:
            with Gallery.open(self.path, self.tower) as gallery:
                act(gallery)

        return changed

    def decisions(self, *between: Act, verifier: Verifier | None = None, after: int = 6) -> list[Decision]:
        """One visit, then one after each act, which falls on a frame of the visit before (6: after its last)."""

        def source() -> Iterator[Frame]:
            start_s = 0.0
            for act in (*between, None):
                shown = frames([self.face] * 6 + [WALL] * 6, start_s=start_s)
                for at, frame in enumerate(shown):
                    if at == after and act is not None:
                        act()
                    yield frame
                start_s += 10

        return list((verifier or self.verifier()).watch(source()))


@pytest.fixture
def visits(tower: Tower, finder: FaceFinder, gallery_path: Path, att_faces: Path) -> Visits:
    return Visits(tower, finder, gallery_path, scene(att_faces / GENUINE / "8.pgm"))


def told(decisions: list[Decision]) -> list[tuple[str, str | None]]:
    return [(decision.outcome.value, decision.person) for decision in decisions]


def test_who_is_removed_is_a_stranger_at_once_and_may_come_back(visits: Visits) -> None:
    remove = visits.gallery(lambda gallery: gallery.remove(GENUINE))
    with Gallery.open(visits.path) as gallery:
        mine = unit(1, length=gallery.embedding_length)
    again = visits.gallery(lambda gallery: gallery.enrol("newcomer", mine))
    assert told(visits.decisions(remove, again)) == [("accepted", GENUINE), ("rejected", None), ("rejected", None)]


def test_another_process_removes(visits: Visits) -> None:
    code = "import sys; from edge_runtime.gallery.store import Gallery; Gallery.open(sys.argv[1]).remove(sys.argv[2])"

    def elsewhere() -> None:
        done = in_python(code, visits.path, GENUINE)
        assert done.returncode == 0, done.stderr

    assert told(visits.decisions(elsewhere)) == [("accepted", GENUINE), ("rejected", None)]


def test_a_new_name_is_told_and_a_new_key_changes_nothing(visits: Visits) -> None:
    rename = visits.gallery(lambda gallery: gallery.rename(GENUINE, "anna"))
    found = told(visits.decisions(rename, visits.gallery(rekey)))
    assert found == [("accepted", GENUINE), ("accepted", "anna"), ("accepted", "anna")]


def test_evidence_from_before_a_removal_is_forgotten(visits: Visits) -> None:
    remove = visits.gallery(lambda gallery: gallery.remove(GENUINE))
    found = visits.decisions(remove, after=2)
    assert [decision.accepted for decision in found] == [False, False]
    assert found[0].started_s == 1.0


class Interrupting:
    """A finder in whose time something happens to the gallery, once."""

    def __init__(self, finder: FaceFinder, act: Act, *, at: int) -> None:
        self._finder, self._act, self._left = finder, act, at

    def __getattr__(self, name: str) -> object:
        return getattr(self._finder, name)

    def find(self, image_rgb: Image, *, photo: bool = False) -> list[FoundFace]:
        self._left -= 1
        if self._left == 0:
            self._act()
        return self._finder.find(image_rgb, photo=photo)


@pytest.mark.parametrize("claimed", [None, GENUINE])
def test_between_the_last_frame_and_its_decision_nobody_slips_through(visits: Visits, claimed: str | None) -> None:
    remove = visits.gallery(lambda gallery: gallery.remove(GENUINE))
    finder = Interrupting(visits.finder, remove, at=3)
    decision = visits.verifier(claimed=claimed, finder=finder).decide(frames([visits.face] * 3))  # type: ignore[arg-type]
    assert (decision.outcome, decision.person, decision.reason) == (Outcome.FAULT, None, "gallery-changed")


def test_who_is_claimed_and_removed_is_a_fault_until_enrolled_again(visits: Visits) -> None:
    with Gallery.open(visits.path, visits.tower) as gallery:
        held = gallery.rotation.undo(gallery.templates(GENUINE)[GENUINE])
    kept = [unit(1, length=held.shape[1])[0].__class__(embedding=row, sharpness=50, interocular_px=40) for row in held]
    remove = visits.gallery(lambda gallery: gallery.remove(GENUINE))
    again = visits.gallery(lambda gallery: gallery.enrol(GENUINE, kept))
    verifier = visits.verifier(claimed=GENUINE)
    found = visits.decisions(remove, again, verifier=verifier)
    assert [decision.outcome.value for decision in found] == ["accepted", "fault", "accepted"]
    assert GENUINE in found[1].advice
    remove()
    with pytest.raises(GalleryError, match="not enrolled"):
        list(verifier.attempt(frames([visits.face] * 3)))


def test_a_gallery_that_is_gone_or_another_accepts_nobody(visits: Visits, tmp_path: Path) -> None:
    aside = tmp_path / "aside.db"
    other = tmp_path / "other.db"
    with Gallery.open(other, visits.tower, create=True) as gallery:
        gallery.enrol("somebody", unit(3, length=gallery.embedding_length))
    acts = [
        lambda: os.replace(visits.path, aside),
        lambda: os.replace(other, visits.path),
        lambda: os.replace(aside, visits.path),
    ]
    found = visits.decisions(*acts)
    assert [decision.outcome.value for decision in found] == ["accepted", "fault", "accepted"]
    assert "is gone" in found[1].advice


def test_an_older_gallery_that_is_put_back_accepts_nobody(visits: Visits, tmp_path: Path) -> None:
    with Gallery.open(visits.path, visits.tower):
        pass
    old = visits.path.read_bytes()
    remove = visits.gallery(lambda gallery: gallery.remove(GENUINE))

    def put_back() -> None:
        (tmp_path / "old.db").write_bytes(old)
        (tmp_path / "old.db").chmod(0o600)
        os.replace(tmp_path / "old.db", visits.path)

    found = visits.decisions(remove, put_back)
    assert [decision.outcome.value for decision in found] == ["accepted", "rejected", "fault"]
    assert "older" in found[2].advice


def test_asking_costs_no_key_and_leaves_writers_alone(visits: Visits) -> None:
    with Gallery.open(visits.path, visits.tower) as gallery:
        watch = GalleryWatch(Reading.of(gallery))
        assert not watch.changed()
        gallery.remove("another")
        assert watch.changed()
        assert watch.changed()
        watch.known = Reading.of(gallery)
        assert not watch.changed()
        gallery.enrol(IMPOSTOR, unit(5, length=gallery.embedding_length))
        assert watch.changed()
    watch.close()
    assert {"access", "sealed"}.isdisjoint(word.split("(")[-1].split("=")[0] for word in repr(watch.known).split(", "))
