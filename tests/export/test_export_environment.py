"""Running towers in another Python environment: here it is this one, by way of the worker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.errors import DataError, MissingDependency, TowerError, UsageError
from edge_runtime.towers.bundle import read_bundle
from export.runtimes.environment import OtherEnvironment
from export.runtimes.errand import WorkerCrashed
from export.runtimes.runner import LocalRunner, Runner

ROOT = Path(__file__).resolve().parents[2]
HERE = OtherEnvironment(python=Path(sys.executable))


def script(folder: Path, text: str) -> Path:
    """A program that pretends to be a Python."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_it_gives_what_the_interpreter_gives_here(tiny_tower_path: Path) -> None:
    bundle = read_bundle(tiny_tower_path)
    runner: Runner = HERE
    assert runner.backend == LocalRunner().backend
    there = runner.embed(bundle.flatbuffer, bundle.card.input, bundle.golden_crops)
    np.testing.assert_array_equal(there, LocalRunner().embed(bundle.flatbuffer, bundle.card.input, bundle.golden_crops))


def test_models_take_turns(tiny_tower_path: Path) -> None:
    bundle = read_bundle(tiny_tower_path)
    times = HERE.times_ms([bundle.flatbuffer] * 2, bundle.card.input, bundle.golden_crops[0], rounds=3)
    assert times.shape == (2, 3)
    assert (times > 0).all()


def test_a_relative_path_and_a_name_on_the_path_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(sys.executable).parent)
    assert OtherEnvironment(python=Path(f"./{Path(sys.executable).name}")).backend == HERE.backend


def test_a_foreign_model_is_refused_and_others_still_run(tiny_tower_path: Path) -> None:
    flatbuffer = read_bundle(tiny_tower_path).flatbuffer
    said = HERE.refusals([b"no model", flatbuffer])
    assert said[0] is not None
    assert "TFL3" in said[0]
    assert said[1] is None
    with pytest.raises(TowerError, match="takes 1 inputs, not 2"):
        HERE.run(flatbuffer, np.zeros((1, 48, 48, 1), np.float32), np.zeros((1, 2), np.float32))
    with pytest.raises(TowerError, match="shape"):
        HERE.run(flatbuffer, np.zeros((1, 5), np.float32))


def test_a_broken_tower_is_told_from_a_refusal(tiny_tower_path: Path) -> None:
    """The gate looks at the cause: a tower that gives zeros is a failed check, not a fault."""
    from export.runtimes.errand import _refusal

    error = _refusal(Path("python"), {"error": "TowerError", "message": "zero", "cause": "DataError"})
    assert isinstance(error, TowerError)
    assert isinstance(error.__cause__, DataError)


def test_no_python_there(tmp_path: Path) -> None:
    for python in (tmp_path / "none", tmp_path):
        with pytest.raises(UsageError, match=r"cannot be started|can be started.*make one"):
            _ = OtherEnvironment(python=python).backend


def test_a_program_that_is_no_python(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot run siamlite's device code: it said nothing"):
        _ = OtherEnvironment(python=script(tmp_path, "exit 0")).backend


def test_an_environment_without_numpy(tmp_path: Path) -> None:
    python = script(tmp_path, f'exec {sys.executable} -S -E "$@"')
    with pytest.raises(MissingDependency, match=r"No module named .*requirements/"):
        _ = OtherEnvironment(python=python).backend


def test_a_crash_is_one_line(tmp_path: Path, tiny_tower_path: Path) -> None:
    bundle = read_bundle(tiny_tower_path)
    # It answers who it is, and dies over anything else.
    python = script(
        tmp_path,
        f'grep -q describe "$3/request.json" && PYTHONPATH={ROOT} exec {sys.executable} "$@"\nkill -SEGV $$',
    )
    runtime = OtherEnvironment(python=python)
    with pytest.raises(WorkerCrashed, match=r"ai-edge-litert .* crashed on this model \(SIGSEGV\)"):
        runtime.embed(bundle.flatbuffer, bundle.card.input, bundle.golden_crops)
    said = runtime.refusals([bundle.flatbuffer] * 2)
    assert all("crashed" in str(one) for one in said)


def test_one_that_never_ends_is_stopped(tmp_path: Path, tiny_tower_path: Path) -> None:
    python = script(
        tmp_path, f'grep -q describe "$3/request.json" && PYTHONPATH={ROOT} exec {sys.executable} "$@"\nexec sleep 60'
    )
    with pytest.raises(TowerError, match="did not finish this model within 1 s"):
        OtherEnvironment(python=python, timeout_s=1.0).refusals([read_bundle(tiny_tower_path).flatbuffer])


def test_the_worker_needs_only_what_a_device_has() -> None:
    code = (
        "import sys, export.runtimes.worker, edge_runtime.towers.tower; "
        "print(sorted(n for n in ('tensorflow', 'keras', 'train', 'jinja2', 'matplotlib') if n in sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
