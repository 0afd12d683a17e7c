"""What convert can be told besides a recipe: where it must run and is measured, who signs it, what stays float."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.errors import TowerError
from edge_runtime.towers.bundle import read_bundle
from edge_runtime.towers.interpreter import Backend
from edge_runtime.towers.tower import Tower
from edge_runtime.towers.trust import Trust
from export.cli import main
from export.delivery.signing import public_path, write_key_pair
from export.preflight.verdicts import TARGETS
from export.runtimes.environment import OtherEnvironment
from export.settings import Settings

MakeRun = Callable[..., Path]
Convert = Callable[..., int]


@pytest.fixture
def convert(make_run: MakeRun, faces: Path, tmp_path: Path) -> Convert:
    """Exports a run to ``tower.tflite`` with more options; returns the exit code."""
    run = make_run()

    def do(*more: str) -> int:
        return main(
            ["convert", str(run), "--representative", str(faces), "--out", str(tmp_path / "tower.tflite"), *more]
        )

    return do


def test_the_card_says_what_runs_where_and_holds_what_is_drawn(
    convert: Convert, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert() == 0
    card = read_bundle(tmp_path / "tower.tflite").card
    assert set(card.runtimes) == set(TARGETS)
    assert card.runtimes["ai-edge-litert-2"]["outcome"] == "runs"
    curves, histograms = card.evaluation["curves"], card.evaluation["histograms"]
    assert set(curves) == {"float", "converted"}
    impostors = card.evaluation["impostor_pairs"]
    assert sum(histograms["converted"]["impostor"]) == sum(histograms["float"]["impostor"]) == impostors
    far, tar = curves["converted"]["fmr"], curves["converted"]["tar"]
    asked = card.evaluation["converted"]["tar_at_far"]["0.1"]
    assert max(t for f, t in zip(far, tar, strict=True) if f <= 0.1) <= asked + 1e-6
    capsys.readouterr()
    assert main(["card", str(tmp_path / "tower.tflite")]) == 0
    assert "ai-edge-litert-2" in capsys.readouterr().out


def test_a_target_that_refuses_the_file_stops_the_export(
    convert: Convert, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert("--recipe", "dynamic", "--target", "tflite-runtime-2.14") == 1
    said = capsys.readouterr().err
    (error,) = [line for line in said.splitlines() if line.startswith("error: ")]
    assert "tflite-runtime-2.14 does not run this file" in error
    assert "FULLY_CONNECTED" in error
    assert "--recipe int8" in error
    assert not (tmp_path / "tower.tflite").exists()
    assert convert("--recipe", "dynamic", "--target", "ai-edge-litert-1.4") == 0
    assert convert("--target", "toaster", "--force") == 2


def test_it_can_be_measured_in_another_environment(convert: Convert, tmp_path: Path) -> None:
    # This very environment, as a process of its own: what comes back must be what is computed here.
    assert convert() == 0
    here = read_bundle(tmp_path / "tower.tflite")
    assert convert("--runtime-python", sys.executable, "--force") == 0
    there = read_bundle(tmp_path / "tower.tflite")
    assert here.flatbuffer == there.flatbuffer
    assert here.card.thresholds == there.card.thresholds
    assert np.array_equal(here.golden_embeddings, there.golden_embeddings)


def test_the_runner_is_where_the_settings_say(tmp_path: Path) -> None:
    runner = Settings(out=tmp_path / "t", representative=tmp_path, runtime_python=Path(sys.executable)).runner()
    assert isinstance(runner, OtherEnvironment)
    assert isinstance(runner.backend, Backend)


def test_a_missing_environment_is_one_line(
    convert: Convert, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert("--runtime-python", str(tmp_path / "nowhere" / "python")) == 2
    assert "nowhere" in capsys.readouterr().err
    assert not (tmp_path / "tower.tflite").exists()


def test_a_signed_export_is_trusted_and_no_other(
    convert: Convert, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, other, out = tmp_path / "maker.key", tmp_path / "other.key", tmp_path / "tower.tflite"
    for path in (key, other):
        write_key_pair(path)
    assert convert("--sign-key", str(tmp_path / "none.key")) == 2
    assert not out.exists()
    assert convert("--sign-key", str(key)) == 0
    first = out.read_bytes()
    assert convert("--sign-key", str(key), "--force") == 0
    assert out.read_bytes() == first
    Tower.load(out, trust=Trust.configured([public_path(key)], require=True))
    with pytest.raises(TowerError):
        Tower.load(out, trust=Trust.configured([public_path(other)], require=True))
    assert convert("--force") == 0
    with pytest.raises(TowerError):
        Tower.load(out, trust=Trust.configured([public_path(key)], require=True))


def test_the_errors_of_all_layers_are_told_when_asked(
    convert: Convert, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert("--layers", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert {"CONV_2D", "FULLY_CONNECTED"} <= {layer["operator"] for layer in told["layers"]}
    assert told["kept_float"] == []
    assert convert("--recipe", "int8-selective", "--keep-float", "output", "--force") == 0
    assert read_bundle(tmp_path / "tower.tflite").card.evaluation["kept_float"] == ["output"]


def test_a_gate_that_fails_tells_the_worst_layers_and_writes_nothing(
    convert: Convert, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert("--limit", "mean-cosine=1") == 1
    said = capsys.readouterr()
    assert "gate: failed" in said.out
    assert "error in steps" in said.out
    assert "--or-selective" in said.err
    assert not (tmp_path / "tower.tflite").exists()
    assert convert("--limit", "mean-cosine=1", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["path"] is None
    assert told["gate"]["passed"] is False
    assert told["layers"]
