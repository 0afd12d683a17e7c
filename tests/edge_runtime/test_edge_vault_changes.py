"""Changes: removed means gone, tags and names, and galleries that move to another version or tower."""

from __future__ import annotations

import dataclasses
import json
import logging
import re
import sqlite3
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from edge_helpers import GENUINE, THRESHOLD, Command, unit
from test_edge_gallery import other_tower  # noqa: F401
from vault_helpers import SPACE, assert_holds, content, keyed, made, sidecars

from edge_runtime.errors import GalleryError, SiamliteError, UsageError
from edge_runtime.faces.align import DEFAULT_TEMPLATE, WIDE_TEMPLATE
from edge_runtime.gallery.checking import verify
from edge_runtime.gallery.crops import pack_crops, unpack_crops
from edge_runtime.gallery.records import EnrolledPerson, name_in
from edge_runtime.gallery.rewriting import reembed, rekey
from edge_runtime.gallery.store import Access, Gallery, Template
from edge_runtime.towers.tower import Tower

PEOPLE = {"Ann": unit(1, 2), "Ben": unit(3), "Cy": unit(4)}
CROP = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)


def pictured(*seeds: int) -> list[Template]:
    return [dataclasses.replace(t, crop_rgb=np.roll(CROP, s, axis=1)) for s, t in zip(seeds, unit(*seeds), strict=True)]


def pieces(path: Path, person: int, templates: list[Template], protection: str) -> list[bytes]:
    """What must be gone when a person is, in pieces of 16 bytes: their sealed records, or their plain embeddings."""
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT details, templates FROM person WHERE id = ?", (person,)).fetchone()
    pictures = connection.execute("SELECT pictures FROM crops WHERE person = ?", (person,)).fetchone()
    connection.close()
    whole = [*found, *pictures] if protection == "key" else [t.embedding.tobytes() for t in templates]
    return [data[start : start + 16] for data in whole for start in range(0, len(data) - 15, 16)]


@pytest.mark.parametrize("protection", ["key", "none"])
@pytest.mark.parametrize("how", ["remove", "replace", "rekey", "rename"])
def test_nothing_is_left_of_what_was_removed(how: str, protection: str, tmp_path: Path) -> None:
    access = keyed(tmp_path) if protection == "key" else Access(protection="none")
    path, templates = made(tmp_path / "g.db", PEOPLE, access), pictured(*range(30, 60))
    with Gallery.open(path, access=access) as gallery:
        gallery.enrol("Somebody To Forget", templates, keep_crops=DEFAULT_TEMPLATE)
        for number in range(100, 130):
            gallery.enrol(f"P{number}", unit(number))
    gone = pieces(path, 4, templates, protection)
    assert len([piece for piece in gone if piece in sidecars(path)]) > 0.9 * len(gone)
    if protection == "none" and how in ("rekey", "rename"):
        gone = []
    with Gallery.open(path, access=access) as gallery:
        if how == "remove":
            gallery.remove("Somebody To Forget")
        elif how == "replace":
            gallery.enrol("Somebody To Forget", unit(500), replace=True)
        elif how == "rename":
            gallery.rename("Somebody To Forget", "Somebody Else")
            gone = gone[:5]
        else:
            rekey(gallery)
        # Nothing is left even while the gallery is still open.
        during = sidecars(path)
    for left in (during, sidecars(path)):
        assert not [piece for piece in gone if piece in left]
        assert b"Somebody To Forget" not in left or (protection == "none" and how not in ("remove", "rename"))


def test_others_that_read_are_said_to_hold_remains_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    access = keyed(tmp_path)
    path = made(tmp_path / "g.db", PEOPLE, access)
    monkeypatch.setattr("edge_runtime.gallery.schema._BUSY_S", 0.1)
    with Gallery.open(path, access=access) as reader, Gallery.open(path, access=access) as gallery:
        with reader.file.reading(), pytest.raises(GalleryError, match=r"was made, but.*siamlite gallery rekey"):
            gallery.remove("Ben")
        assert [p.name for p in reader.people()] == ["Ann", "Cy"]


def test_names_tags_and_notes_are_changed_and_encrypted(tmp_path: Path, siamlite: Command) -> None:
    access = keyed(tmp_path)
    path = made(tmp_path / "g.db", PEOPLE, access)
    place = ["--gallery", path, "--key-file", access.key_file]
    assert siamlite("gallery", "tag", "Ann", "night shift", "staff", "--notes", "left door", *place)[0] == 0
    code, out, _ = siamlite("gallery", "tag", "Ann", "--drop", "staff", "--json", *place)
    assert (code, json.loads(out)["tags"], json.loads(out)["notes"]) == (0, ["night shift"], "left door")
    assert "no tag 'staff'" in siamlite.fails(2, "gallery", "tag", "Ann", "--drop", "staff", *place)
    assert siamlite("gallery", "rename", "Ann", "Anna", *place)[0] == 0
    assert "enrolled already" in siamlite.fails(2, "gallery", "rename", "Anna", "Ben", *place)
    assert "not enrolled" in siamlite.fails(3, "gallery", "rename", "Ann", "Zoe", *place)
    assert "printable" in siamlite.fails(2, "gallery", "rename", "Anna", "a\nb", *place)
    assert "a tag is" in siamlite.fails(2, "gallery", "tag", "Anna", "", *place)
    code, out, _ = siamlite("gallery", "show", "Anna", *place)
    assert code == 0
    assert "tags: night shift" in out
    assert "notes: left door" in out
    code, out, _ = siamlite("gallery", "show", "Anna", "--json", *place)
    assert json.loads(out)["samples"][1]["sharpness"] == 50.0
    assert_holds(path, {"Anna": PEOPLE["Ann"], "Ben": PEOPLE["Ben"], "Cy": PEOPLE["Cy"]}, access)
    for secret in (b"Ann", b"night shift", b"left door"):
        assert secret not in sidecars(path)
    code, out, _ = siamlite("gallery", "verify", *place)
    assert (code, "whole" in out) == (0, True)


def test_pictures_are_kept_on_request_only(tmp_path: Path) -> None:
    access = keyed(tmp_path)
    path = made(tmp_path / "g.db", {"Ann": pictured(1, 2)}, access)
    with Gallery.open(path, access=access) as gallery:
        assert gallery.people()[0].crops == 0
        gallery.enrol("Ben", pictured(3, 4), keep_crops=DEFAULT_TEMPLATE)
        assert [p.crops for p in gallery.people()] == [0, 2]
        assert verify(gallery).pictures == 2
        with pytest.raises(UsageError, match="must come with one"):
            gallery.enrol("Cy", unit(5), keep_crops=DEFAULT_TEMPLATE)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT COUNT(*) FROM crops").fetchone() == (1,)
    connection.execute("DELETE FROM crops")
    connection.commit()
    connection.close()
    with Gallery.open(path, access=access) as gallery:
        assert verify(gallery).problems


def test_samples_are_added_to_a_person(tmp_path: Path) -> None:
    access = keyed(tmp_path)
    path = made(tmp_path / "g.db", PEOPLE, access)
    with Gallery.open(path, access=access) as gallery:
        gallery.enrol("Dan", pictured(5, 6), keep_crops=DEFAULT_TEMPLATE, tags=["staff"])
        assert gallery.extend("Ben", unit(30, 31)).templates == 3
        for more, aligned_to in ((unit(32), DEFAULT_TEMPLATE), (pictured(32), None), (pictured(32), WIDE_TEMPLATE)):
            with pytest.raises(UsageError, match="kept"):
                gallery.extend("Dan", more, keep_crops=aligned_to)
        person = gallery.extend("Dan", pictured(32), keep_crops=DEFAULT_TEMPLATE)
        assert (person.templates, person.crops, person.tags) == (3, 3, ("staff",))
        with pytest.raises(UsageError, match="1 to"):
            gallery.extend("Ben", [])
        with pytest.raises(GalleryError, match="not enrolled"):
            gallery.extend("Zoe", unit(1))
        assert verify(gallery).problems == ()
        assert len(gallery.person("Ben")[1]) == 3
    assert_holds(path, {**PEOPLE, "Ben": unit(3, 30, 31), "Dan": unit(5, 6, 32)}, access)


def test_crops_come_back_and_fit_other_towers() -> None:
    kept = unpack_crops(pack_crops(pictured(3, 4), WIDE_TEMPLATE))
    assert kept.aligned_to == WIDE_TEMPLATE
    np.testing.assert_array_equal(kept.pictures_rgb[0], np.roll(CROP, 3, axis=1))
    np.testing.assert_array_equal(kept.fitted(64, WIDE_TEMPLATE)[1], kept.pictures_rgb[1])
    assert kept.fitted(48, DEFAULT_TEMPLATE)[0].shape == (48, 48, 3)
    for data in (b"", b"\x01", b"\x05\0\0\0{}", pack_crops(pictured(3), WIDE_TEMPLATE)[:-1]):
        with pytest.raises(GalleryError, match="cannot be read"):
            unpack_crops(data)


@pytest.mark.usefixtures("other_tower")
def test_a_new_tower_embeds_the_kept_pictures_anew(
    tower: Tower,
    other_tower: Tower,  # noqa: F811
    people: Callable[[str, int, int], Path],
    tmp_path: Path,
    siamlite: Command,
) -> None:
    place = ["--gallery", tmp_path / "g.db"]
    for name, more in ((GENUINE, ["--keep-crops"]), ("s5", [])):
        words = ["enroll", name, "--source", people(name, 1, 5), "--tower", tower.path, *more, *place]
        assert siamlite(*words)[0] == 0
    line = siamlite.fails(3, "gallery", "migrate", "--tower", other_tower.path, *place)
    assert "no pictures are kept of s5" in line
    code, out, _ = siamlite("gallery", "migrate", "--tower", other_tower.path, "--drop", "--json", *place)
    assert (code, json.loads(out)["embedded"], json.loads(out)["removed"]) == (0, 1, ["s5"])
    words = ["verify", GENUINE, "--source", people(GENUINE, 6, 10), "--threshold", THRESHOLD, *place]
    assert siamlite(*words, "--tower", other_tower.path)[0] == 0
    assert "must not be compared" in siamlite.fails(3, *words, "--tower", tower.path)
    code, _, err = siamlite("gallery", "migrate", "--tower", other_tower.path, *place)
    assert (code, "nothing was changed" in err) == (0, True)
    with Gallery.open(tmp_path / "g.db", other_tower) as gallery:
        assert reembed(gallery, tower) == (1, [])
        assert verify(gallery).pictures == 5


OLD = """
CREATE TABLE space (fingerprint TEXT NOT NULL, embedding_length INTEGER NOT NULL, tower TEXT NOT NULL);
CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, enrolled_at REAL NOT NULL);
CREATE TABLE template (
    id INTEGER PRIMARY KEY,
    person INTEGER NOT NULL REFERENCES person(id) ON DELETE CASCADE,
    embedding BLOB NOT NULL,
    sharpness REAL NOT NULL,
    interocular_px REAL NOT NULL,
    added_at REAL NOT NULL
);
PRAGMA application_id = 1397309773;
PRAGMA user_version = 1;
"""


def old_gallery(path: Path) -> Path:
    """A gallery as siamlite 0.1 wrote it."""
    connection = sqlite3.connect(path)
    connection.executescript(OLD)
    connection.execute("INSERT INTO space VALUES (?, ?, ?)", (SPACE.fingerprint, 64, "tiny"))
    for number, (name, templates) in enumerate(PEOPLE.items(), start=1):
        connection.execute("INSERT INTO person VALUES (?, ?, 1.5)", (number, name))
        for t in templates:
            connection.execute(
                "INSERT INTO template (person, embedding, sharpness, interocular_px, added_at)"
                " VALUES (?, ?, 50, 40, 2.5)",
                (number, t.embedding.tobytes()),
            )
    connection.commit()
    connection.close()
    return path


def test_a_gallery_of_the_old_version_is_encrypted_by_migrate(tmp_path: Path, siamlite: Command) -> None:
    path, access = old_gallery(tmp_path / "g.db"), keyed(tmp_path)
    place = ["--gallery", path, "--key-file", access.key_file]
    plain = [t.embedding.tobytes()[:16] for rows in PEOPLE.values() for t in rows]
    assert all(piece in sidecars(path) for piece in plain)
    assert f"siamlite gallery migrate --gallery {path}" in siamlite.fails(3, "gallery", "list", *place)
    code, out, _ = siamlite("gallery", "migrate", "--json", *place)
    assert (code, json.loads(out)["upgraded"]) == (0, 3)
    assert_holds(path, PEOPLE, access)
    assert not any(piece in sidecars(path) for piece in [*plain, b"Ann", b"Ben"])
    with Gallery.open(path, access=access) as gallery:
        person, qualities = gallery.person("Ann")
        assert (person.enrolled_at, qualities[1].added_at, qualities[1].interocular_px) == (1.5, 2.5, 40)
    code, _, err = siamlite("gallery", "migrate", *place)
    assert (code, "nothing was changed" in err) == (0, True)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE template SET embedding = x'00'",
        "DELETE FROM space",
        "UPDATE person SET name = 'a' || char(10) WHERE id = 2",
    ],
)
def test_a_damaged_old_gallery_is_left_as_it_is(statement: str, tmp_path: Path, siamlite: Command) -> None:
    path, access = old_gallery(tmp_path / "g.db"), keyed(tmp_path)
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()
    siamlite.fails(3, "gallery", "migrate", "--gallery", path, "--key-file", access.key_file)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert connection.execute("SELECT COUNT(*) FROM template").fetchone() == (4,)
    connection.close()


def test_another_lock_is_put_on(tmp_path: Path, siamlite: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    access = keyed(tmp_path)
    path = made(tmp_path / "g.db", PEOPLE, access)
    place, new_key = ["--gallery", path], tmp_path / "new.key"
    old = ["--key-file", access.key_file]
    assert siamlite("gallery", "rekey", "--new-key-file", new_key, *place, *old)[0] == 0
    assert "does not open" in siamlite.fails(3, "gallery", "list", *place, *old)
    assert_holds(path, PEOPLE, Access(key_file=new_key))
    monkeypatch.setenv("SIAMLITE_GALLERY_PASSPHRASE", "four random words here")
    assert siamlite("gallery", "rekey", "--protection", "passphrase", *place, "--key-file", new_key)[0] == 0
    assert_holds(path, PEOPLE)
    code, out, _ = siamlite("gallery", "rekey", "--protection", "none", "--json", *place)
    assert (code, json.loads(out)["protection"]) == (0, "none")
    assert_holds(path, PEOPLE)
    assert siamlite("gallery", "rekey", "--protection", "key", *place, "--key-file", new_key)[0] == 0
    assert_holds(path, PEOPLE, Access(key_file=new_key))
    assert "goes with" in siamlite.fails(2, "gallery", "rekey", "--protection", "none", "--new-key-file", "x", *place)


def test_readers_follow_a_new_key(tmp_path: Path) -> None:
    access = keyed(tmp_path)
    path = made(tmp_path / "g.db", PEOPLE, access)
    with Gallery.open(path, access=access) as reader:
        old, changes = reader.rotation, reader.changes()
        with Gallery.open(path, access=access) as gallery:
            rekey(gallery)
        assert reader.changes() == changes + 1
        rows = reader.templates()["Ann"]
        np.testing.assert_allclose(reader.rotation.undo(rows), [t.embedding for t in PEOPLE["Ann"]], atol=1e-6)
        assert reader.rotation is not old


def test_nothing_shows_a_template(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    access = keyed(tmp_path)
    path = made(tmp_path / "g.db", PEOPLE, access)
    secret = access.key_file.read_text().strip() if access.key_file else ""
    shown: list[str] = []
    with Gallery.open(path, access=access) as gallery:
        shown += [repr(x) for x in (gallery, gallery.matrix(), gallery.person("Ann"), gallery.rotation, access)]
        shown += [repr(pictured(1)[0]), repr(access.secret("key", path)), repr(gallery.file.header)]
        for call in (
            lambda: gallery.enrol("Dan", [dataclasses.replace(t, embedding=2 * t.embedding) for t in unit(1)]),
            lambda: gallery.enrol("Dan", unit(1, length=32)),
            lambda: gallery.enrol("Ann", unit(1)),
            lambda: gallery.templates("Dan"),
        ):
            with pytest.raises(SiamliteError) as refusal:
                call()
            shown += [str(refusal.value), *traceback.format_exception(refusal.value)]
    connection = sqlite3.connect(path)
    connection.execute("UPDATE person SET templates = details")
    connection.commit()
    connection.close()
    with pytest.raises(GalleryError) as refusal:
        content(path, access)
    shown += [*traceback.format_exception(refusal.value), caplog.text]
    text = "\n".join(shown)
    assert secret not in text
    numbers = [f"{abs(value):.4f}"[1:] for rows in PEOPLE.values() for t in rows for value in t.embedding[:8]]
    assert not [number for number in numbers if re.search(rf"0{re.escape(number)}", text)]
    assert "array(" not in text


def test_details_of_any_bytes_are_none() -> None:
    person = EnrolledPerson(name="Bén", templates=2, enrolled_at=1.5, tags=("a",), notes="n")
    data = person.to_bytes()
    assert EnrolledPerson.from_bytes(data) == person
    assert name_in(data) == "Bén"
    for broken in (b"", b"\xff", b"\x05\0ab", b"\x01\0\xff{}", data[:-1], b"\0\0[]"):
        assert EnrolledPerson.from_bytes(broken) is None
    for words in ({"name": "\x1b[2J"}, {"tags": ("a\x07",)}, {"notes": "\x1b]0;x"}):
        assert EnrolledPerson.from_bytes(dataclasses.replace(person, **words).to_bytes()) is None
