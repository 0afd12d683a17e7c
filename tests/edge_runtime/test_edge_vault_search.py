"""An index over a gallery that others change: it answers as the gallery is now, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from edge_helpers import in_python
from hypothesis import given, settings
from hypothesis import strategies as st
from vault_helpers import SPACE, keyed

from edge_runtime.errors import GalleryError, UsageError
from edge_runtime.gallery import people as edits
from edge_runtime.gallery.keys import Access
from edge_runtime.gallery.match import Enrolled, person_similarities
from edge_runtime.gallery.rewriting import rekey
from edge_runtime.gallery.search import GallerySearch, moved_rows
from edge_runtime.gallery.store import Gallery, Template

PEOPLE = 300
Rows = npt.NDArray[np.float32]

OTHER_PROCESS = """
import sys
from pathlib import Path
from edge_runtime.gallery.keys import Access
from edge_runtime.gallery.store import Gallery
with Gallery.open(sys.argv[1], access=Access(key_file=Path(sys.argv[2]))) as gallery:
    getattr(gallery, sys.argv[3])(*sys.argv[4:])
"""


def rows_of(number: int) -> Rows:
    """The three looks of a person."""
    rng = np.random.default_rng(number)
    centre = rng.normal(size=64)
    rows = centre + 0.4 * rng.normal(size=(3, 64))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def samples(rows: Rows) -> list[Template]:
    return [Template(embedding=row, sharpness=50.0, interocular_px=40.0) for row in rows]


@pytest.fixture
def locked(tmp_path: Path) -> tuple[Path, Access]:
    pytest.importorskip("usearch")
    access = keyed(tmp_path)
    with Gallery.open(tmp_path / "g.db", SPACE, create=True, access=access) as gallery:
        gallery.enrol_many((f"person {n}", samples(rows_of(n)[:2])) for n in range(PEOPLE))
    return tmp_path / "g.db", access


@pytest.fixture
def search(locked: tuple[Path, Access]) -> Iterator[GallerySearch]:
    with Gallery.open(locked[0], access=locked[1]) as gallery:
        found = GallerySearch(gallery, candidates=16)
    with found:
        yield found


def exact(locked: tuple[Path, Access], probe: Rows, score: str = "mean") -> tuple[str, float]:
    with Gallery.open(locked[0], access=locked[1]) as gallery:
        enrolled = Enrolled.of(gallery.templates(), score=score)
        similarities = person_similarities(gallery.rotation.apply(probe), enrolled)
    best = int(np.argmax(similarities))
    return enrolled.names[best], float(similarities[best])


def agrees(search: GallerySearch, locked: tuple[Path, Access], probe: Rows) -> str:
    name, similarity = exact(locked, probe)
    first = search.nearest(probe)[0]
    assert first.name == name
    assert first.similarity == pytest.approx(similarity, abs=1e-6)
    return name


def process(locked: tuple[Path, Access], act: str, *words: str) -> None:
    ran = in_python(OTHER_PROCESS, locked[0], str(locked[1].key_file), act, *words)
    assert ran.returncode == 0, ran.stderr


def test_it_agrees_with_comparing_everybody(search: GallerySearch, locked: tuple[Path, Access]) -> None:
    for number in range(0, PEOPLE, 23):
        assert agrees(search, locked, rows_of(number)[2]) == f"person {number}"
    with Gallery.open(locked[0], access=locked[1]) as gallery, GallerySearch(gallery, score="best") as best:
        probe = rows_of(5)[2]
        assert (best.nearest(probe)[0].name, best.nearest(probe)[0].similarity) == pytest.approx(
            exact(locked, probe, "best"), abs=1e-6
        )


def test_the_first_so_many_come_in_order(search: GallerySearch) -> None:
    found = search.nearest(rows_of(3)[2], 5)
    assert len(found) == 5
    assert [f.similarity for f in found] == sorted((f.similarity for f in found), reverse=True)
    assert len(search.nearest(rows_of(3)[2], 10 * PEOPLE)) == PEOPLE


def test_who_was_removed_by_another_process_is_not_found(search: GallerySearch, locked: tuple[Path, Access]) -> None:
    probe = rows_of(7)[2]
    assert search.nearest(probe)[0].name == "person 7"
    process(locked, "remove", "person 7")
    assert "person 7" not in [found.name for found in search.nearest(probe, PEOPLE)]
    agrees(search, locked, probe)
    assert search.pending == 0


def test_who_was_renamed_has_the_new_name(search: GallerySearch, locked: tuple[Path, Access]) -> None:
    process(locked, "rename", "person 8", "Zoe")
    assert agrees(search, locked, rows_of(8)[2]) == "Zoe"
    assert search.pending == 0


def test_who_was_added_is_found_without_a_new_index(search: GallerySearch, locked: tuple[Path, Access]) -> None:
    probe = rows_of(1000)[2]
    assert search.nearest(probe)[0].name != "new"
    with Gallery.open(locked[0], access=locked[1]) as gallery:
        gallery.enrol("new", samples(rows_of(1000)[:2]))
    assert agrees(search, locked, probe) == "new"
    assert search.pending == 2
    search.rebuild()
    assert search.pending == 0
    assert agrees(search, locked, probe) == "new"


def test_a_new_rotation_makes_it_exact_until_it_is_built_anew(
    search: GallerySearch, locked: tuple[Path, Access]
) -> None:
    with Gallery.open(locked[0], access=locked[1]) as gallery:
        rekey(gallery)
    assert agrees(search, locked, rows_of(9)[2]) == "person 9"
    assert search.pending == 2 * PEOPLE
    search.rebuild()
    assert search.pending == 0
    assert agrees(search, locked, rows_of(9)[2]) == "person 9"


def test_nobody_is_found_in_an_emptied_gallery(search: GallerySearch, locked: tuple[Path, Access]) -> None:
    with Gallery.open(locked[0], access=locked[1]) as gallery:
        for number in range(PEOPLE):
            with gallery.file.writing() as change:
                edits.delete(gallery.file, change, f"person {number}")
    assert search.nearest(rows_of(3)[2], 3) == []


def test_a_gallery_that_is_gone_or_another_finds_nobody(search: GallerySearch, locked: tuple[Path, Access]) -> None:
    probe = rows_of(3)[2]
    moved = locked[0].with_name("moved.db")
    locked[0].rename(moved)
    with pytest.raises(GalleryError, match="is gone"):
        search.nearest(probe)
    with Gallery.open(locked[0], SPACE, create=True, access=locked[1]) as gallery:
        gallery.enrol("Eve", samples(rows_of(3)))
    with pytest.raises(GalleryError):
        search.nearest(probe)
    for name in ("g.db", "g.db-wal", "g.db-shm"):
        locked[0].with_name(name).unlink(missing_ok=True)
    moved.rename(locked[0])
    assert search.nearest(probe)[0].name == "person 3"


def test_nothing_is_written(search: GallerySearch, locked: tuple[Path, Access]) -> None:
    before = sorted(path.name for path in locked[0].parent.iterdir() if not path.name.startswith("g.db-"))
    search.nearest(rows_of(3)[2])
    assert sorted(p.name for p in locked[0].parent.iterdir() if not p.name.startswith("g.db-")) == before


def test_what_is_no_probe_is_refused(search: GallerySearch) -> None:
    with pytest.raises(UsageError, match="shape"):
        search.nearest(np.zeros(5, np.float32))
    with pytest.raises(UsageError, match="one person or more"):
        search.nearest(rows_of(1)[2], 0)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 30), max_size=20), st.lists(st.integers(0, 30), max_size=20), st.integers(1, 4))
def test_rows_are_found_where_they_are_now(old: list[int], new: list[int], length: int) -> None:
    def rows(numbers: list[int]) -> Rows:
        found = [np.random.default_rng(n).normal(size=length) for n in numbers]
        return np.array(found, dtype=np.float32).reshape(-1, length)

    places = moved_rows(rows(old), rows(new))
    assert len(places) == len(old)
    for number, place in zip(old, places, strict=True):
        assert (place == -1) == (number not in new)
        assert place == -1 or new[place] == number
