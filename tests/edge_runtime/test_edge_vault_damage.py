"""What was changed in the file by anything but siamlite: harmless or refused, never a wrong person or a crash."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import numpy as np
import pytest
from edge_helpers import Command, unit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vault_helpers import OTHER_SPACE, SPACE, assert_holds, content, keyed, made, rows_of

from edge_runtime.errors import GalleryError
from edge_runtime.gallery.checking import verify
from edge_runtime.gallery.keys import Access
from edge_runtime.gallery.store import Gallery

PEOPLE = {"Ann": unit(1, 2), "Ben": unit(3), "Cy": unit(4)}
# Every bit with SIAMLITE_EVERY_BIT=1 (some minutes); python -m benchmarks.gallery bits does that too.
STRIDE = 1 if os.environ.get("SIAMLITE_EVERY_BIT") else 389


@pytest.fixture(scope="module", params=["key", "none"])
def locked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Access]:
    """A gallery of three people, encrypted and not."""
    folder = tmp_path_factory.mktemp("locked")
    access = keyed(folder) if request.param == "key" else Access(protection="none")
    return made(folder / "g.db", PEOPLE, access), access


def sql(path: Path, *statements: str) -> None:
    """Change a gallery behind its back."""
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def copy(locked: tuple[Path, Access], tmp_path: Path) -> tuple[Path, Access]:
    path = tmp_path / "copy.db"
    shutil.copyfile(locked[0], path)
    return path, locked[1]


def test_every_single_bit_matters_or_does_not(locked: tuple[Path, Access], tmp_path: Path) -> None:
    whole = locked[0].read_bytes()
    path = tmp_path / "flipped.db"
    counts = {"refused": 0, "harmless": 0}
    for bit in range(0, 8 * len(whole), STRIDE):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        counts[_read(path, locked[1])] += 1
        for leftover in (path.with_name("flipped.db-wal"), path.with_name("flipped.db-shm")):
            leftover.unlink(missing_ok=True)
    assert min(counts.values()) > 0, counts


def _read(path: Path, access: Access) -> str:
    """Whether a gallery is refused; if not, it must hold just what was written."""
    try:
        with Gallery.open(path, SPACE, access=access) as gallery:
            found, people = gallery.matrix(), gallery.people()
            rows = gallery.rotation.undo(found.matrix)
    except GalleryError:
        return "refused"
    assert found.names == ("Ann", "Ben", "Cy")
    assert [(p.name, p.templates) for p in people] == [(name, len(t)) for name, t in PEOPLE.items()]
    np.testing.assert_allclose(rows, rows_of([t for rows in PEOPLE.values() for t in rows]), atol=1e-6)
    return "harmless"


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 1 << 16), st.binary(min_size=1, max_size=200), st.booleans())
def test_any_bytes_anywhere_are_harmless_or_refused(
    locked: tuple[Path, Access], tmp_path: Path, at: int, data: bytes, insert: bool
) -> None:
    whole = locked[0].read_bytes()
    at %= len(whole)
    path = tmp_path / "spliced.db"
    path.write_bytes(whole[:at] + data + whole[at if insert else at + len(data) :])
    assert _read(path, locked[1]) in ("harmless", "refused")
    for leftover in (path.with_name("spliced.db-wal"), path.with_name("spliced.db-shm")):
        leftover.unlink(missing_ok=True)


@pytest.mark.parametrize("bit_of_page", [3, 29, 101])
def test_a_flipped_bit_and_a_change_lose_nobody(bit_of_page: int, locked: tuple[Path, Access], tmp_path: Path) -> None:
    path, access = copy(locked, tmp_path)
    whole = locked[0].read_bytes()
    for start in range(bit_of_page, 8 * len(whole), 4001):
        flipped = bytearray(whole)
        flipped[start // 8] ^= 1 << start % 8
        path.write_bytes(flipped)
        try:
            with Gallery.open(path, SPACE, access=access) as gallery:
                gallery.enrol("Dan", unit(5))
            found = content(path, access)
        except GalleryError:
            continue
        assert set(found) == {*PEOPLE, "Dan"}


SWAPS = {
    "details": "UPDATE person SET details = (SELECT p.details FROM person p WHERE p.id = 3 - person.id) WHERE id < 3",
    "templates": "UPDATE person SET templates = (SELECT p.templates FROM person p WHERE p.id = 3 - person.id)"
    " WHERE id < 3",
    "numbers": "UPDATE person SET id = CASE id WHEN 1 THEN 20 WHEN 2 THEN 1 ELSE id END",
    "aliases": "UPDATE person SET alias = CASE id WHEN 1 THEN zeroblob(16) ELSE alias END",
    "twice": "INSERT INTO person SELECT 9, randomblob(16), details, templates FROM person WHERE id = 1",
    "gone": "DELETE FROM person WHERE id = 2",
    "all gone": "DELETE FROM person",
    "seal": "UPDATE gallery SET seal = randomblob(length(seal))",
    "another tower": "UPDATE gallery SET tower = 'better'",
    "another space": "UPDATE gallery SET fingerprint = fingerprint || 'x'",
    "another gallery": "UPDATE gallery SET id = randomblob(16)",
    "another length": "UPDATE gallery SET embedding_length = 32",
    "no key": "UPDATE gallery SET wrapped_key = x''",
    "two headers": "INSERT INTO gallery SELECT 2, id, fingerprint, embedding_length, tower, protection, kdf,"
    " wrapped_key, seal FROM gallery",
}


@pytest.mark.parametrize("kind", sorted(SWAPS))
def test_rows_that_were_moved_are_refused(kind: str, locked: tuple[Path, Access], tmp_path: Path) -> None:
    path, access = copy(locked, tmp_path)
    try:
        sql(path, SWAPS[kind])
    except sqlite3.IntegrityError:
        sql(path, "PRAGMA ignore_check_constraints = ON", SWAPS[kind])
    if kind == "no key" and access.protection == "none":
        assert_holds(path, PEOPLE, access)
        return
    with pytest.raises(GalleryError, match=r"damaged|does not open|does not say"):
        content(path, access)


def test_unlocking_by_declaring_it_unlocked_is_refused(tmp_path: Path) -> None:
    access = keyed(tmp_path)
    path = made(tmp_path / "g.db", PEOPLE, access)
    sql(path, "UPDATE gallery SET protection = 'none', wrapped_key = x''")
    with pytest.raises(GalleryError, match="its seal is broken"):
        content(path, access)


def test_rows_of_another_gallery_are_refused(tmp_path: Path) -> None:
    access = keyed(tmp_path)
    path = made(tmp_path / "g.db", PEOPLE, access)
    made(tmp_path / "foreign.db", {"Eve": unit(666), "Ben": unit(667)}, access)
    sql(
        path,
        f"ATTACH '{tmp_path / 'foreign.db'}' AS foreign_one",
        "DELETE FROM person WHERE id = 2",
        "INSERT INTO person SELECT * FROM foreign_one.person WHERE id = 2",
        "DETACH foreign_one",
    )
    with pytest.raises(GalleryError, match="damaged"):
        content(path, access)


def test_a_header_of_another_gallery_opens_nothing(tmp_path: Path) -> None:
    access = keyed(tmp_path)
    path = made(tmp_path / "g.db", PEOPLE, access)
    made(tmp_path / "foreign.db", {"Eve": unit(666)}, access)
    sql(
        path,
        f"ATTACH '{tmp_path / 'foreign.db'}' AS foreign_one",
        "DELETE FROM gallery",
        "INSERT INTO gallery SELECT * FROM foreign_one.gallery",
        "DETACH foreign_one",
    )
    with pytest.raises(GalleryError, match="damaged"):
        content(path, access)


@pytest.fixture
def rolled_back(tmp_path: Path) -> tuple[Path, Access, bytes]:
    """A gallery from which Ben was removed, and the file as it was before."""
    access = keyed(tmp_path)
    path = made(tmp_path / "g.db", PEOPLE, access)
    before = path.read_bytes()
    with Gallery.open(path, access=access) as gallery:
        gallery.remove("Ben")
    return path, access, before


def test_a_removed_row_that_was_put_back_is_refused(rolled_back: tuple[Path, Access, bytes], tmp_path: Path) -> None:
    path, access, before = rolled_back
    (tmp_path / "old.db").write_bytes(before)
    sql(
        path,
        f"ATTACH '{tmp_path / 'old.db'}' AS old",
        "INSERT INTO person SELECT * FROM old.person WHERE id = 2",
        "DETACH old",
    )
    with pytest.raises(GalleryError, match="damaged"):
        content(path, access)


def test_a_whole_old_file_is_not_noticed(rolled_back: tuple[Path, Access, bytes]) -> None:
    path, access, before = rolled_back
    with Gallery.open(path, access=access) as gallery:
        assert gallery.changes() == 5
    path.write_bytes(before)
    # The documented limit: a copy of the whole file from before is as genuine as it was then.
    assert_holds(path, PEOPLE, access)


def test_an_older_seal_is_noticed_while_the_gallery_is_open(tmp_path: Path) -> None:
    access = keyed(tmp_path)
    path = made(tmp_path / "g.db", PEOPLE, access)
    connection = sqlite3.connect(path, isolation_level=None)
    old = connection.execute("SELECT seal FROM gallery").fetchone()[0]
    row = connection.execute("SELECT * FROM person WHERE id = 2").fetchone()
    with Gallery.open(path, access=access) as gallery:
        gallery.remove("Ben")
        connection.execute("INSERT INTO person VALUES (?, ?, ?, ?)", row)
        connection.execute("UPDATE gallery SET seal = ?", (old,))
        with pytest.raises(GalleryError, match="older than what was read"):
            gallery.people()
    connection.close()


def test_a_damaged_set_is_not_made_whole_by_a_change(tmp_path: Path) -> None:
    access = keyed(tmp_path)
    path = made(tmp_path / "g.db", PEOPLE, access)
    sql(path, SWAPS["gone"])
    with Gallery.open(path, access=access) as gallery:
        gallery.enrol("Dan", unit(5))
        with pytest.raises(GalleryError, match="missing"):
            gallery.people()


def test_another_space_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    access = keyed(tmp_path)
    path = made(tmp_path / "g.db", PEOPLE, access)
    with pytest.raises(GalleryError, match="must not be compared"):
        Gallery.open(path, OTHER_SPACE, access=access)


def test_a_gallery_on_a_read_only_disk_is_read_and_not_changed(locked: tuple[Path, Access], tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    shutil.copyfile(locked[0], folder / "g.db")
    # To root no folder is closed, but a file system that is mounted so.
    close = ["mount", "-o", "bind,ro", folder, folder] if os.geteuid() == 0 else ["chmod", "500", folder]
    if subprocess.run(close, check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        assert_holds(folder / "g.db", PEOPLE, locked[1])
        with Gallery.open(folder / "g.db", access=locked[1]) as gallery:
            with pytest.raises(GalleryError, match="readonly"):
                gallery.enrol("Dan", unit(5))
            with pytest.raises(GalleryError, match="readonly"):
                gallery.remove("Ben")
            assert len(gallery.people()) == 3
    finally:
        subprocess.run(["umount", folder] if close[0] == "mount" else ["chmod", "700", folder], check=True)
    assert [p.name for p in folder.iterdir()] == ["g.db"]


def test_verify_names_what_is_damaged(locked: tuple[Path, Access], tmp_path: Path, siamlite: Command) -> None:
    path, access = copy(locked, tmp_path)
    with Gallery.open(path, access=access) as gallery:
        checked = verify(gallery)
    assert (checked.people, checked.templates, checked.problems) == (3, 4, ())
    sql(path, "UPDATE person SET templates = zeroblob(length(templates)) WHERE id = 2")
    with Gallery.open(path, access=access) as gallery:
        checked = verify(gallery)
    assert checked.people == 2
    assert len(checked.problems) == 2
    key = ["--key-file", access.key_file] if access.key_file else []
    code, out, err = siamlite("gallery", "verify", "--gallery", path, *key)
    assert (code, err.count("damaged:")) == (1, 2)
    assert "DAMAGED" in out
    code, out, _ = siamlite("gallery", "verify", "--json", "--gallery", path, *key)
    assert code == 1
    assert '"whole": false' in out
