"""Prepared synthetic people and one finished tiny run, shared by the tests of training."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from train_helpers import tiny_config, write_people


@pytest.fixture(scope="session")
def tiny_faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six synthetic people with four prepared 16 px faces each."""
    return write_people(tmp_path_factory.mktemp("tiny") / "faces")


@pytest.fixture(scope="session")
def tiny_run(tiny_faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on them; tests must not change it."""
    from train.fitting.fit import fit

    out = tmp_path_factory.mktemp("runs") / "run"
    fit(tiny_faces, out, tiny_config())
    return out


@pytest.fixture(scope="session")
def att_run(att_faces: Path, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small tower that tells real people apart: trained on s1 to s30, so that s31 to s40 are strangers to it."""
    from train.cli import main

    place = tmp_path_factory.mktemp("att")
    for person in range(1, 31):
        shutil.copytree(att_faces / f"s{person}", place / "photographs" / f"s{person}")
    data = ["--data", str(place / "photographs"), "--out", str(place / "run")]
    # Solved in closed form, so it is nearly the same tower on every processor.
    assert main(["fit", "--recipe", "few-people", "--set", "split.validation=0.2", *data]) == 0
    return place / "run"


@pytest.fixture(scope="session")
def att_strangers(att_faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs of the ten people that ``att_run`` was not trained on."""
    folder = tmp_path_factory.mktemp("strangers")
    for person in range(31, 41):
        shutil.copytree(att_faces / f"s{person}", folder / f"s{person}")
    return folder
