"""What every test may use: real faces, real detectors, a home folder of their own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.demo.att import extract_att
from edge_runtime.fetch import install_detectors

# Downloads are kept beside the checkout, so that a second run needs no network.
_CACHE = Path(__file__).resolve().parents[1] / ".cache"

# A shell ignores Ctrl-C for what it runs in the background, and programs that tests start and interrupt inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def siamlite_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home folder for the tests alone, with the face detectors in it."""
    home = tmp_path_factory.mktemp("home")
    names = ("SIAMLITE_HOME", "SIAMLITE_CACHE", "SIAMLITE_TOWER", "SIAMLITE_TRUSTED_KEYS", "SIAMLITE_REQUIRE_SIGNED")
    names += (
        "SIAMLITE_GALLERY_KEY",
        "SIAMLITE_GALLERY_KEY_FILE",
        "SIAMLITE_GALLERY_PASSPHRASE",
        "CREDENTIALS_DIRECTORY",
    )
    before = {name: os.environ.get(name) for name in names}
    os.environ["SIAMLITE_HOME"] = str(home)
    os.environ.setdefault("SIAMLITE_CACHE", str(_CACHE))
    for name in names[2:]:
        os.environ.pop(name, None)
    yield home
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture(scope="session")
def models(siamlite_home: Path) -> Path:
    """Folder of the pinned face detectors."""
    return install_detectors()[0].parent


@pytest.fixture(scope="session")
def att_faces(siamlite_home: Path) -> Path:
    """Folder of the AT&T faces: ``s1/1.pgm`` to ``s40/10.pgm``."""
    return extract_att(_CACHE / "att")


@pytest.fixture(scope="session")
def tiny_tower_path() -> Path:
    """A small int8 tower that was made without any photograph (see ``tests/data/make_tiny.py``)."""
    return Path(__file__).resolve().parent / "data/tiny.tflite"
