"""What is no file in place of a file: everything that reads says so at once, and waits for nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.audit.checking import check_log
from edge_runtime.audit.head import CURRENT_NAME, HEAD_NAME, read_head
from edge_runtime.audit.log import AuditLog
from edge_runtime.audit.secret import AuditKey, audit_key
from edge_runtime.commands.printable import printable
from edge_runtime.decisions.lockout_file import FILE_NAME, LockoutFile
from edge_runtime.errors import SiamliteError
from edge_runtime.faces.blazeface import MODELS, BlazeFace
from edge_runtime.faces.landmarks import LandmarkRefiner
from edge_runtime.faces.yunet import YuNet
from edge_runtime.files import read_json, read_whole, sha256_file
from edge_runtime.gallery.header import Space
from edge_runtime.gallery.keys import Access, TransferAccess
from edge_runtime.gallery.store import Gallery
from edge_runtime.gallery.transfer import import_people
from edge_runtime.images import read_image
from edge_runtime.liveness.folder import find_presentations
from edge_runtime.liveness.passive import AntiSpoof
from edge_runtime.outside.config import read_events
from edge_runtime.people import read_faces_mark, scan_people
from edge_runtime.sources.open import open_source
from edge_runtime.towers.bundle import read_bundle
from edge_runtime.towers.signature import read_public_key
from edge_runtime.towers.trust import Trust
from train.data.pairs import read_pairs
from train.data.sources.open import open_source as open_pictures
from train.recipe import load_config

KEY = AuditKey(value=b"k" * 32, where="the test")
SPACE = Space(fingerprint="ab" * 32, embedding_length=8, tower="tiny")


def log_of(path: Path) -> None:
    checked = check_log(path.parent, KEY)
    if checked.problems:
        raise SiamliteError(checked.problems[0])


# What each file is called, and what reads it.
READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "picture": ("a.png", read_image),
    "json": ("a.json", lambda path: read_json(path, what="it")),
    "hash": ("a.bin", sha256_file),
    "mark": ("faces.json", lambda path: read_faces_mark(path.parent)),
    "tower": ("a.tflite", lambda path: read_bundle(path, trust=Trust.anyone())),
    "public key": ("a.pem", read_public_key),
    "key": ("a.key", lambda path: Access(key_file=path).secret("key", path)),
    "transfer key": ("a.key", lambda path: TransferAccess(key_file=path).secret(path, protection="key")),
    "import": ("a.bin", lambda path: import_people(path, path.parent / "g.db", TransferAccess(), Access())),
    "gallery": ("a.db", lambda path: Gallery.open(path, SPACE, create=True, access=Access(protection="none"))),
    "refiner": ("a.npz", LandmarkRefiner),
    "detector": ("a.tflite", lambda path: BlazeFace(path, MODELS["short-range"])),
    "yunet": ("a.onnx", YuNet),
    "events": ("a.toml", read_events),
    "anti-spoof": ("a.json", AntiSpoof),
    "presentations": ("a", find_presentations),
    "audit head": (HEAD_NAME, lambda path: read_head(path.parent, KEY)),
    "audit key": ("audit.key", lambda path: audit_key(path.parent)),
    "audit lines": (CURRENT_NAME, log_of),
    "audit to write": (CURRENT_NAME, lambda path: AuditLog(path.parent, KEY).append("test", {})),
    "lockout": (FILE_NAME, lambda path: LockoutFile(path.parent, KEY).rows()),
    "source": ("a.mp4", lambda path: open_source(str(path))),
    "source picture": ("a.png", lambda path: list(open_source(str(path)))),
    "recipe": ("a.toml", lambda path: load_config(str(path))),
    "pairs": ("pairs.txt", read_pairs),
    "people": ("people", scan_people),
    "archive": ("a.zip", open_pictures),
    "idx": ("images-idx3-ubyte", open_pictures),
}  # fmt: skip


def make_pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)


def make_socket(path: Path) -> None:
    place = socket.socket(socket.AF_UNIX)
    place.bind(str(path))
    place.close()


KINDS: dict[str, Callable[[Path], object]] = {
    "pipe": make_pipe,
    "folder": lambda path: path.mkdir(),
    "device without end": lambda path: path.symlink_to("/dev/zero"),
    "link to itself": lambda path: path.symlink_to(path),
    "link to nothing": lambda path: path.symlink_to(path.parent / "none" / "x"),
    "socket": make_socket,
}


@pytest.fixture(autouse=True)
def _not_for_ever() -> Iterator[None]:
    """Whatever waits for a pipe is woken, and fails."""

    def woken(number: int, frame: object) -> None:
        raise TimeoutError("it waits for ever")

    before = signal.signal(signal.SIGALRM, woken)
    signal.alarm(120)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


# These take a folder, or a link to nothing, for what it is: nothing there yet.
RIGHT = {
    ("gallery", "link to nothing"), ("mark", "link to nothing"), ("audit head", "link to nothing"),
    ("mark", "link to itself"), ("audit lines", "link to nothing"), ("lockout", "link to nothing"),
    ("audit lines", "link to itself"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reader", READERS)
def test_it_is_refused_in_one_line(reader: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIAMLITE_TRANSFER_PASSPHRASE", "long enough")
    name, read = READERS[reader]
    path = tmp_path / name
    KINDS[kind](path)
    if (reader, kind) in RIGHT:
        with contextlib.suppress(SiamliteError):
            read(path)
        return
    with pytest.raises(SiamliteError) as refusal:
        read(path)
    assert str(refusal.value) == printable(str(refusal.value))
    assert str(refusal.value).strip()


def test_a_name_that_is_none_is_refused_too(tmp_path: Path) -> None:
    for name in ("a\0b", "x" * 5000, "a" * 300 + ".png"):
        for read in (
            read_image,
            read_public_key,
            lambda path: read_json(path, what="it"),
            lambda p: load_config(str(p)),
        ):
            with pytest.raises(SiamliteError):
                read(tmp_path / name)


def test_what_is_read_whole_is_a_file_of_that_size_at_most(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_whole(tmp_path / "a", most_bytes=5) == b"12345"
    with pytest.raises(OSError, match="larger than 0 KiB"):
        read_whole(tmp_path / "a", most_bytes=4)
