"""Where a gallery's key comes from, and what is refused without it."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from edge_helpers import ROOT, Command, unit
from vault_helpers import SPACE, assert_holds, content, keyed, made

from edge_runtime.errors import GalleryError, UsageError
from edge_runtime.gallery.keys import (
    KEY_CREDENTIAL,
    KEY_FILE_VARIABLE,
    KEY_VARIABLE,
    PASSPHRASE_CREDENTIAL,
    PASSPHRASE_VARIABLE,
    Access,
    default_key_file,
    make_key_file,
)
from edge_runtime.gallery.store import Gallery
from edge_runtime.gallery.wrapping import wrapping_key

PEOPLE = {"Ann": unit(1, 2), "Ben": unit(3)}


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIAMLITE_HOME", str(tmp_path / "home"))
    for name in (KEY_VARIABLE, KEY_FILE_VARIABLE, PASSPHRASE_VARIABLE, "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)


def test_a_key_is_made_at_first_use_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = made(tmp_path / "g.db", PEOPLE)
    key = default_key_file()
    assert key.parent == tmp_path / "home"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(bytes.fromhex(key.read_text())) == 32
    assert str(key) in caplog.text
    assert key.read_text().strip() not in caplog.text
    assert_holds(path, PEOPLE)
    caplog.clear()
    made(tmp_path / "second.db", {"Cy": unit(9)})
    assert caplog.text == ""


def test_without_its_key_nothing_opens(tmp_path: Path) -> None:
    path = made(tmp_path / "g.db", PEOPLE)
    default_key_file().rename(tmp_path / "elsewhere")
    with pytest.raises(GalleryError, match=r"there is none at .*--key-file"):
        content(path)
    assert not default_key_file().exists()
    assert_holds(path, PEOPLE, Access(key_file=tmp_path / "elsewhere"))


def test_another_key_is_refused(tmp_path: Path) -> None:
    path = made(tmp_path / "g.db", PEOPLE)
    with pytest.raises(GalleryError, match="does not open"):
        content(path, keyed(tmp_path))


def test_the_environment_gives_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "17" * 32)
    path = made(tmp_path / "g.db", PEOPLE)
    assert not default_key_file().exists()
    assert_holds(path, PEOPLE)
    monkeypatch.setenv(KEY_VARIABLE, "18" * 32)
    with pytest.raises(GalleryError, match=rf"\${KEY_VARIABLE} does not open"):
        content(path)
    monkeypatch.setenv(KEY_VARIABLE, "secret")
    with pytest.raises(UsageError, match="64 hexadecimal digits") as refusal:
        content(path)
    assert "secret" not in str(refusal.value)


def test_a_named_file_gives_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_FILE_VARIABLE, str(make_key_file(tmp_path / "k")))
    path = made(tmp_path / "g.db", PEOPLE)
    assert_holds(path, PEOPLE, Access(key_file=tmp_path / "k"))
    with pytest.raises(UsageError, match="never replaced"):
        make_key_file(tmp_path / "k")


def test_systemd_gives_a_key_or_a_passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    (folder / KEY_CREDENTIAL).write_bytes(os.urandom(32))
    (folder / KEY_CREDENTIAL).chmod(0o440)
    assert_holds(made(tmp_path / "g.db", PEOPLE), PEOPLE)
    (folder / PASSPHRASE_CREDENTIAL).write_text("correct horse battery\n")
    locked = made(tmp_path / "p.db", PEOPLE, Access(protection="passphrase"))
    assert_holds(locked, PEOPLE, Access(ask=lambda what, new: "correct horse battery"))


def test_a_passphrase_opens_what_it_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []

    def ask(what: str, new: bool) -> str:
        asked.append((what, new))
        return "correct horse battery"

    path = made(tmp_path / "g.db", PEOPLE, Access(protection="passphrase", ask=ask))
    assert asked[0] == (f"the gallery {path}", True)
    assert_holds(path, PEOPLE, Access(ask=ask))
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "wrong horse battery")
    with pytest.raises(GalleryError, match="does not open"):
        content(path)
    monkeypatch.delenv(PASSPHRASE_VARIABLE)
    with pytest.raises(GalleryError, match=PASSPHRASE_VARIABLE):
        content(path)
    with pytest.raises(UsageError, match="leave out --key-file"):
        content(path, keyed(tmp_path))
    with pytest.raises(UsageError, match="at least 8"):
        made(tmp_path / "h.db", PEOPLE, Access(protection="passphrase", ask=lambda what, new: "short"))
    assert not (tmp_path / "h.db").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_may_read_is_refused(mode: int, tmp_path: Path) -> None:
    path = made(tmp_path / "g.db", PEOPLE)
    default_key_file().chmod(mode)
    with pytest.raises(UsageError, match="chmod 600"):
        content(path)


@pytest.mark.parametrize("data", [b"", b"\xff" * 31, b"zz" * 32, b"12" * 33, b"x" * 5000])
def test_a_file_that_is_no_key_is_refused(data: bytes, tmp_path: Path) -> None:
    path = made(tmp_path / "g.db", PEOPLE)
    default_key_file().write_bytes(data)
    with pytest.raises(UsageError, match=r"holds no key|larger than 4 KiB"):
        content(path)


HOSTILE = [
    '{"n":1073741824,"r":8,"p":1,"salt":"00000000000000000000"}',
    '{"n":4,"r":1,"p":99,"salt":"00000000000000000000"}',
    '{"n":32768,"r":8,"p":3,"salt":""}',
    '{"n":3}',
    "[]",
]


@pytest.mark.parametrize("kdf", HOSTILE)
def test_a_hostile_passphrase_setting_is_refused(kdf: str, tmp_path: Path) -> None:
    access = Access(protection="passphrase", ask=lambda what, new: "correct horse battery")
    path = made(tmp_path / "g.db", PEOPLE, access)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE gallery SET kdf = ?", (kdf,))
    connection.close()
    with pytest.raises(GalleryError, match=r"asks for scrypt|cannot be read"):
        content(path, access)


def test_unencrypted_must_be_asked_for_and_is_said(tmp_path: Path, siamlite: Command) -> None:
    path = made(tmp_path / "g.db", PEOPLE, Access(protection="none"))
    assert not default_key_file().exists()
    assert b"Ann" in path.read_bytes()
    assert_holds(path, PEOPLE)
    _, _, err = siamlite("gallery", "list", "--gallery", path)
    assert "not encrypted" in err
    # Without a tower to compare with, any gallery is looked at.
    _, out, _ = siamlite("doctor", "--gallery", path, "--tower", tmp_path / "none.tflite")
    assert "NOT ENCRYPTED" in out
    _, out, _ = siamlite("gallery", "list", "--json", "--gallery", path)
    assert '"protection": "none"' in out


WITHOUT = """
import sys
sys.modules["cryptography"] = None
from edge_runtime.errors import MissingDependency
from edge_runtime.gallery.header import Space
from edge_runtime.gallery.store import Access, Gallery
space = Space(fingerprint="ab" * 32, embedding_length=64, tower="tiny")
for create, path in ((True, sys.argv[1]), (False, sys.argv[2])):
    try:
        Gallery.open(path, space, create=create)
    except MissingDependency as error:
        print(error)
with Gallery.open(sys.argv[3], space, create=True, access=Access(protection="none")) as gallery:
    print(gallery.people())
"""


def test_without_the_package_the_pip_command_is_said(tmp_path: Path) -> None:
    path = made(tmp_path / "g.db", PEOPLE)
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT, tmp_path / "new.db", path, tmp_path / "plain.db"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = ran.stdout.splitlines()
    assert len(lines) == 3, ran
    assert all("pip install 'siamlite[edge]'" in line and "--unencrypted" in line for line in lines[:2])
    assert lines[2] == "[]"
    assert not (tmp_path / "new.db").exists()


def test_the_wrapping_key_is_scrypt_as_others_compute_it(tmp_path: Path) -> None:
    import hashlib
    import json

    from edge_runtime.gallery.keys import Secret
    from edge_runtime.gallery.wrapping import new_kdf

    kdf = new_kdf("passphrase")
    values = json.loads(kdf)
    assert 128 * values["n"] * values["r"] == 32 << 20
    expected = hashlib.scrypt(
        b"pass",
        salt=bytes.fromhex(values["salt"]),
        n=values["n"],
        r=values["r"],
        p=values["p"],
        maxmem=64 << 20,
        dklen=32,
    )
    assert wrapping_key(Secret(value=b"pass", where="here"), kdf, b"", tmp_path) == expected


def test_a_gallery_of_another_key_source_stays_as_it_is(tmp_path: Path) -> None:
    path = made(tmp_path / "g.db", PEOPLE, keyed(tmp_path))
    before = path.read_bytes()
    with pytest.raises(GalleryError, match="there is none at"):
        Gallery.open(path, SPACE, create=True)
    assert path.read_bytes() == before
    assert not default_key_file().exists()
