"""The gallery: what it keeps, whom it refuses, and what is left of a person who was removed."""

from __future__ import annotations

import sqlite3
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from edge_helpers import GENUINE, Command, unit

from edge_runtime.errors import GalleryError, SpaceMismatch, UsageError
from edge_runtime.gallery.match import Enrolled, person_similarities
from edge_runtime.gallery.store import Gallery, check_name
from edge_runtime.towers.bundle import Bundle, pack_bundle, read_bundle
from edge_runtime.towers.tower import Tower


@pytest.fixture
def other_tower(tiny_tower_path: Path, tmp_path: Path) -> Tower:
    """The same model with another preprocessing: another space."""
    good = read_bundle(tiny_tower_path)
    card = replace(good.card, name="other", input=replace(good.card.input, scale=1 / 127))
    path = tmp_path / "other.tflite"
    path.write_bytes(
        pack_bundle(
            Bundle(
                flatbuffer=good.flatbuffer,
                card=card,
                golden_crops=good.golden_crops,
                golden_embeddings=good.golden_embeddings,
            )
        )
    )
    return Tower.load(path)


def test_templates_come_back_protected(tower: Tower, tmp_path: Path) -> None:
    ann, ben = unit(1, 2, 3), unit(4)
    with Gallery.open(tmp_path / "deep" / "g.db", tower, create=True) as gallery:
        gallery.enrol("Ann", ann)
        gallery.enrol("Bén 2", ben)
    with Gallery.open(tmp_path / "deep" / "g.db", tower) as gallery:
        assert [(p.name, p.templates) for p in gallery.people()] == [("Ann", 3), ("Bén 2", 1)]
        found, whole = gallery.templates(), gallery.matrix()
        for name, rows in (("Ann", ann), ("Bén 2", ben)):
            plain = np.stack([t.embedding for t in rows])
            np.testing.assert_array_equal(found[name], gallery.rotation.apply(plain))
            np.testing.assert_allclose(gallery.rotation.undo(found[name]), plain, atol=1e-6)
            np.testing.assert_array_equal(gallery.templates(name)[name], found[name])
            assert np.abs(found[name] - plain).max() > 0.01
        assert whole.names == ("Ann", "Bén 2")
        assert whole.owners.tolist() == [0, 0, 0, 1]
        assert whole.matrix.flags.c_contiguous
        assert whole.matrix.dtype == np.float32
        np.testing.assert_array_equal(whole.matrix, np.concatenate(list(found.values())))
        for ask in (gallery.templates, gallery.person):
            with pytest.raises(GalleryError, match="not enrolled"):
                ask("Cy")


def test_only_the_owner_may_read_it(tower: Tower, tmp_path: Path) -> None:
    with Gallery.open(tmp_path / "g.db", tower, create=True) as gallery:
        gallery.enrol("Ann", unit(1))
    assert stat.S_IMODE((tmp_path / "g.db").stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["g.db"]


def test_a_name_is_taken_once_and_replaced_when_told(tower: Tower, tmp_path: Path) -> None:
    with Gallery.open(tmp_path / "g.db", tower, create=True) as gallery:
        gallery.enrol("Ann", unit(1, 2))
        with pytest.raises(UsageError, match=r"enrolled already.*--force"):
            gallery.enrol("Ann", unit(3))
        assert gallery.people()[0].templates == 2
        gallery.enrol("Ann", unit(3), replace=True)
        rows = gallery.rotation.undo(gallery.templates()["Ann"])
        np.testing.assert_allclose(rows, [unit(3)[0].embedding], atol=1e-6)


def test_another_tower_is_refused_with_both_fingerprints(
    other_tower: Tower, tower: Tower, gallery_path: Path, siamlite: Command
) -> None:
    with pytest.raises(SpaceMismatch) as refusal:
        Gallery.open(gallery_path, other_tower)
    assert refusal.value.gallery_fingerprint == tower.fingerprint
    assert refusal.value.tower_fingerprint == other_tower.fingerprint
    before = gallery_path.read_bytes()
    for words in (["verify", GENUINE], ["identify"], ["enroll", "new"], ["enroll", GENUINE, "--force"]):
        line = siamlite.fails(3, *words, "--tower", other_tower.path, "--gallery", gallery_path, "--source", "none")
        assert tower.fingerprint[:16] in line
        assert other_tower.fingerprint[:16] in line
        assert "enrol the people again" in line
    assert gallery_path.read_bytes() == before


BREAKS = ["foreign", "garbage", "cut-0", "cut-0.1", "cut-0.5", "cut-0.8", "newer", "no-tables", "no-space", "odd-space"]
BREAKS += ["short-record", "text-record", "zero-record", "swapped", "taken-out", "declared-otherwise"]


def broken(gallery: Path, kind: str) -> str:
    """Break a gallery; returns what the message must hold."""
    data = gallery.read_bytes()
    if kind == "foreign":
        gallery.unlink()
        with sqlite3.connect(gallery) as connection:
            connection.execute("CREATE TABLE holiday (place TEXT)")
        connection.close()
        return "not a siamlite gallery"
    if kind == "garbage":
        gallery.write_bytes(np.random.default_rng(0).bytes(9000))
        return "cannot be used"
    if kind.startswith("cut"):
        gallery.write_bytes(data[: int(len(data) * float(kind[4:]))])
        return "gallery" if kind == "cut-0" else "damaged|cannot be used|not a siamlite"
    statement, expected = {
        "newer": ("PRAGMA user_version = 3", "version 3.*Update siamlite"),
        "no-tables": ("DROP TABLE gallery", "damaged"),
        "no-space": ("DELETE FROM gallery", "does not say which tower"),
        "odd-space": ("UPDATE gallery SET embedding_length = 'many'", "does not say which tower"),
        "short-record": ("UPDATE person SET templates = x'00'", "damaged"),
        "text-record": ("UPDATE person SET details = 12", "damaged"),
        "zero-record": ("UPDATE person SET templates = zeroblob(256)", "damaged"),
        "swapped": ("UPDATE person SET details = templates, templates = details", "damaged"),
        "taken-out": ("DELETE FROM person", "people are missing"),
        "declared-otherwise": ("CREATE TABLE more (x)", "damaged"),
    }[kind]
    with sqlite3.connect(gallery) as connection:
        connection.execute(statement)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return expected


@pytest.mark.parametrize("kind", BREAKS)
def test_a_broken_gallery_is_refused_and_left_alone(
    kind: str, gallery_path: Path, tower: Tower, siamlite: Command
) -> None:
    expected = broken(gallery_path, kind)
    before = gallery_path.read_bytes()

    def use() -> None:
        with Gallery.open(gallery_path, tower) as gallery:
            gallery.templates()

    with pytest.raises(GalleryError, match=expected):
        use()
    line = siamlite.fails(3, "identify", "--tower", tower.path, "--gallery", gallery_path, "--source", "none",
                          "--threshold", "0.5")  # fmt: skip
    assert str(gallery_path) in line
    assert gallery_path.read_bytes() == before


def test_a_gallery_is_not_made_by_looking(tmp_path: Path, tower: Tower, siamlite: Command) -> None:
    path = tmp_path / "none.db"
    with pytest.raises(GalleryError, match="Enrol somebody"):
        Gallery.open(path, tower)
    with pytest.raises(UsageError, match="needs the tower"):
        Gallery.open(path, create=True)
    for words in (["gallery", "list"], ["gallery", "remove", "Ann"]):
        assert "siamlite enroll" in siamlite.fails(3, *words, "--gallery", path)
    assert "a folder" in siamlite.fails(3, "gallery", "list", "--gallery", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nobody_enrolled_is_said(tower: Tower, tmp_path: Path, siamlite: Command) -> None:
    with Gallery.open(tmp_path / "g.db", tower, create=True):
        pass
    with pytest.raises(GalleryError, match="nobody is enrolled"):
        Enrolled.of({})
    words = ["--tower", tower.path, "--gallery", tmp_path / "g.db", "--source", "0", "--threshold", 0.5]
    assert "nobody is enrolled" in siamlite.fails(3, "identify", *words)
    assert "'Ann' is not enrolled" in siamlite.fails(3, "verify", "Ann", *words)


@pytest.mark.parametrize("name", ["", " ", " Ann", "Ann ", "a\nb", "a\tb", "\x1b[31m", "x" * 101])
def test_confusing_names_are_refused(name: str, tmp_path: Path, siamlite: Command) -> None:
    with pytest.raises(UsageError, match="printable"):
        check_name(name)
    siamlite.fails(2, "enroll", name, "--source", tmp_path, "--gallery", tmp_path / "g.db")


def test_templates_must_be_of_the_space(tower: Tower, tmp_path: Path) -> None:
    with Gallery.open(tmp_path / "g.db", tower, create=True) as gallery:
        long = replace(unit(1)[0], embedding=2 * unit(1)[0].embedding)
        broken_one = replace(unit(1)[0], embedding=np.full(64, np.nan, np.float32))
        for wrong in ([long], unit(1, length=32), [broken_one], [unit(2)[0], long], []):
            with pytest.raises(UsageError, match="template"):
                gallery.enrol("Ann", wrong)
        assert gallery.people() == []


def test_a_person_s_similarity_is_the_mean_of_their_templates() -> None:
    templates = {"Ann": unit(1, 2, 3), "Ben": unit(4), "Cy": unit(5, 6)}
    enrolled = Enrolled.of({name: np.stack([t.embedding for t in rows]) for name, rows in templates.items()})
    probe = unit(9)[0].embedding
    looped = [sum(float(t.embedding @ probe) for t in rows) / len(rows) for rows in templates.values()]
    assert enrolled.names == ("Ann", "Ben", "Cy")
    np.testing.assert_allclose(person_similarities(probe, enrolled), looped, atol=1e-6)
