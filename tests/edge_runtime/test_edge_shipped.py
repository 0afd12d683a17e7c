"""Which tower a word means."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_runtime.towers.shipped import DEFAULT_SHIPPED, SHIPPED, find_tower


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIAMLITE_HOME", str(tmp_path))
    monkeypatch.delenv("SIAMLITE_TOWER", raising=False)
    return tmp_path


def test_without_a_word_it_is_the_default_that_comes_with_the_package() -> None:
    assert find_tower(None) == SHIPPED[DEFAULT_SHIPPED].path


def test_a_tower_at_home_comes_before_the_default(home: Path) -> None:
    (home / "tower.tflite").write_bytes(b"")
    assert find_tower(None) == home / "tower.tflite"


def test_the_variable_comes_before_the_tower_at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "tower.tflite").write_bytes(b"")
    monkeypatch.setenv("SIAMLITE_TOWER", "accurate")
    assert find_tower(None) == SHIPPED["accurate"].path
    monkeypatch.setenv("SIAMLITE_TOWER", "~/mine.tflite")
    assert find_tower(None) == Path.home() / "mine.tflite"


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_a_name_means_the_shipped_tower_and_a_path_a_file(name: str) -> None:
    assert find_tower(name) == SHIPPED[name].path
    assert find_tower(f"./{name}") == Path(name)
    assert find_tower(Path("towers") / "mine.tflite") == Path("towers/mine.tflite")
