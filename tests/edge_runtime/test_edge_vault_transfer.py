"""People carried from one gallery to another: whole or not at all, and only by who has the key."""

from __future__ import annotations

import dataclasses
import json
import stat
import struct
from pathlib import Path

import numpy as np
import pytest
from edge_helpers import Command, listing, unit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vault_helpers import OTHER_SPACE, SPACE, assert_holds, keyed, made

from edge_runtime.errors import DataError, GalleryError, SiamliteError, SpaceMismatch, UsageError, WriteError
from edge_runtime.faces.align import DEFAULT_TEMPLATE
from edge_runtime.gallery.keys import TransferAccess, make_key_file
from edge_runtime.gallery.store import Access, Gallery
from edge_runtime.gallery.stream import MAGIC, decrypted, encrypted, new_head, read_head
from edge_runtime.gallery.transfer import export_people, import_people

PEOPLE = {"Ann": unit(1, 2), "Ben": unit(3), "Cy": unit(4)}


class Case:
    """A gallery, its exported file, and what both are locked with."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.access = folder, keyed(folder, "gallery.key")
        self.transfer = TransferAccess(key_file=make_key_file(folder / "transfer.key"))
        self.path = made(folder / "g.db", PEOPLE, self.access)
        with Gallery.open(self.path, access=self.access) as gallery:
            gallery.describe("Ann", add=["staff"], notes="left door")
            export_people(gallery, folder / "people.bin", self.transfer)
        self.file = folder / "people.bin"
        self.whole = self.file.read_bytes()
        self.target = keyed(folder, "target.key")

    def bring(self, path: Path | None = None, **more: bool) -> object:
        return import_people(self.file, path or self.folder / "new.db", self.transfer, self.target, **more)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_people_arrive_as_they_left(case: Case) -> None:
    assert stat.S_IMODE(case.file.stat().st_mode) == 0o600
    for secret in (b"Ann", b"staff", b"left door", PEOPLE["Ann"][0].embedding.tobytes()[:16]):
        assert secret not in case.whole
    case.bring()
    assert_holds(case.folder / "new.db", PEOPLE, case.target)
    with (
        Gallery.open(case.path, access=case.access) as old,
        Gallery.open(case.folder / "new.db", access=case.target) as new,
    ):
        assert old.people() == new.people()
        assert old.person("Ann") == new.person("Ann")
        assert new.person("Ann")[0].tags == ("staff",)
        # Two galleries hold the same people by templates that have nothing to do with each other.
        assert np.abs(np.sum(old.templates()["Ann"] * new.templates()["Ann"], axis=1)).max() < 0.6


def test_pictures_go_along_unless_told(case: Case) -> None:
    crop = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    with Gallery.open(case.path, access=case.access) as gallery:
        pictured = [dataclasses.replace(t, crop_rgb=crop) for t in unit(8, 9)]
        gallery.enrol("Dan", pictured, keep_crops=DEFAULT_TEMPLATE)
        for name, crops in (("with.bin", True), ("without.bin", False)):
            export_people(gallery, case.folder / name, case.transfer, names=["Dan"], crops=crops)
    for name, kept in (("with", 2), ("without", 0)):
        import_people(case.folder / f"{name}.bin", case.folder / f"{name}.db", case.transfer, case.target)
        with Gallery.open(case.folder / f"{name}.db", access=case.target) as gallery:
            assert [(p.name, p.crops) for p in gallery.people()] == [("Dan", kept)]


def test_an_import_is_all_or_nothing(case: Case) -> None:
    other = made(case.folder / "other.db", {"Cy": unit(50), "Eve": unit(51)}, case.target)
    with pytest.raises(UsageError, match="'Cy' is enrolled already"):
        case.bring(other)
    assert_holds(other, {"Cy": unit(50), "Eve": unit(51)}, case.target)
    case.bring(other, replace=True)
    assert_holds(other, {**PEOPLE, "Eve": unit(51)}, case.target)


def test_another_space_is_refused(case: Case) -> None:
    path = case.folder / "elsewhere.db"
    with Gallery.open(path, OTHER_SPACE, create=True, access=case.target):
        pass
    with pytest.raises(SpaceMismatch, match="must not be compared"):
        case.bring(path)


def test_another_key_is_refused(case: Case) -> None:
    wrong = TransferAccess(key_file=make_key_file(case.folder / "wrong.key"))
    with pytest.raises(GalleryError, match="does not open"):
        import_people(case.file, case.folder / "new.db", wrong, case.target)
    with pytest.raises(UsageError, match="locked with a key"):
        import_people(case.file, case.folder / "new.db", TransferAccess(), case.target)
    assert not (case.folder / "new.db").exists()


def test_a_passphrase_locks_it_too(case: Case, monkeypatch: pytest.MonkeyPatch, siamlite: Command) -> None:
    monkeypatch.setenv("SIAMLITE_TRANSFER_PASSPHRASE", "four random words here")
    key = ["--gallery", case.path, "--key-file", case.access.key_file]
    code, out, _ = siamlite("gallery", "export", case.folder / "p.bin", "--json", *key)
    assert (code, json.loads(out)["locked_with"]) == (0, "passphrase")
    assert "--force" in siamlite.fails(2, "gallery", "export", case.folder / "p.bin", *key)
    into = ["--gallery", case.folder / "p.db", "--key-file", case.target.key_file]
    monkeypatch.setenv("SIAMLITE_TRANSFER_PASSPHRASE", "four other words here")
    assert "does not open" in siamlite.fails(3, "gallery", "import", case.folder / "p.bin", *into)
    monkeypatch.setenv("SIAMLITE_TRANSFER_PASSPHRASE", "four random words here")
    code, out, _ = siamlite("gallery", "import", case.folder / "p.bin", "--json", *into)
    assert (code, json.loads(out)["added"]) == (0, ["Ann", "Ben", "Cy"])
    assert_holds(case.folder / "p.db", PEOPLE, case.target)


def test_every_cut_and_every_added_byte_is_refused(case: Case) -> None:
    before = set(listing(case.folder))
    for end in [*range(0, len(case.whole), 41), len(case.whole) - 1]:
        case.file.write_bytes(case.whole[:end])
        with pytest.raises(GalleryError):
            case.bring()
    case.file.write_bytes(case.whole + b"\0")
    with pytest.raises(GalleryError):
        case.bring()
    assert set(listing(case.folder)) == before


def test_every_flipped_bit_is_refused(case: Case) -> None:
    for bit in range(0, 8 * len(case.whole), 53):
        flipped = bytearray(case.whole)
        flipped[bit // 8] ^= 1 << bit % 8
        case.file.write_bytes(flipped)
        with pytest.raises((GalleryError, UsageError)):
            case.bring()
    assert not (case.folder / "new.db").exists()


def test_chunks_that_were_moved_repeated_or_left_out_are_refused(case: Case) -> None:
    head_end = len(MAGIC) + 4 + struct.unpack_from("<I", case.whole, len(MAGIC))[0]
    chunks, at = [], head_end
    while at < len(case.whole):
        end = at + 4 + struct.unpack_from("<I", case.whole, at)[0]
        chunks.append(case.whole[at:end])
        at = end
    assert len(chunks) == 3
    for order in ((1, 0, 2), (0, 0, 1, 2), (0, 2), (1, 2), (0, 1), (2,), (0, 1, 2, 2)):
        case.file.write_bytes(case.whole[:head_end] + b"".join(chunks[i] for i in order))
        with pytest.raises(GalleryError):
            case.bring()


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400), st.booleans(), st.booleans())
def test_any_bytes_are_refused_with_one_error(case: Case, data: bytes, magic: bool, length: bool) -> None:
    body = (struct.pack("<I", len(data)) if length else b"") + data
    case.file.write_bytes((MAGIC if magic else b"") + body)
    with pytest.raises(SiamliteError):
        case.bring()


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=300), st.binary(max_size=60).map(lambda b: struct.pack("<III", 2, len(b), 0) + b"{}" + b)
    )
)
def test_a_file_of_the_right_key_but_the_wrong_content_is_refused(case: Case, data: bytes) -> None:
    head = new_head("key", dataclasses.asdict(SPACE))
    secret = case.transfer.secret(case.file)
    case.file.write_bytes(b"".join(encrypted(head, secret, [data, data], case.file)))
    if data:
        with pytest.raises(GalleryError):
            case.bring()
        assert not (case.folder / "new.db").exists()


def test_a_stream_gives_back_its_chunks(case: Case) -> None:
    secret = case.transfer.secret(case.file)
    for chunks in ([b""], [b"a"], [b"a", b"", b"c" * 100_000]):
        head = new_head("key", {"x": 1})
        case.file.write_bytes(b"".join(encrypted(head, secret, chunks, case.file)))
        with open(case.file, "rb") as stream:
            assert list(decrypted(read_head(stream, case.file), secret, stream, case.file)) == chunks
    with pytest.raises(DataError, match="64 MiB"):
        list(encrypted(head, secret, [bytes(64 << 20)], case.file))


def test_nobody_is_carried_as_nobody(case: Case) -> None:
    with Gallery.open(case.folder / "empty.db", SPACE, create=True, access=case.access) as gallery:
        assert export_people(gallery, case.folder / "none.bin", case.transfer) == 0
    import_people(case.folder / "none.bin", case.folder / "n.db", case.transfer, case.target)
    assert_holds(case.folder / "n.db", {}, case.target)


def test_what_cannot_be_exported_leaves_no_file(case: Case) -> None:
    with Gallery.open(case.path, access=case.access) as gallery:
        with pytest.raises(GalleryError, match="'Zoe' is not enrolled"):
            export_people(gallery, case.folder / "z.bin", case.transfer, names=["Zoe"])
        with pytest.raises(WriteError):
            export_people(gallery, case.file / "z.bin", case.transfer)
    assert not (case.folder / "z.bin").exists()
    with pytest.raises(UsageError, match="cannot read"):
        import_people(case.folder / "z.bin", case.path, case.transfer, Access())
