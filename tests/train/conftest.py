"""Prepared synthetic people and one finished tiny run, shared by the tests of training."""

from __future__ import annotations

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
