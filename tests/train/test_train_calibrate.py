"""Thresholds for target false match rates: against counting, and refused where the data cannot support them."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from train_helpers import write_people

from edge_runtime.errors import CheckFailed, UsageError
from edge_runtime.measures.metrics import pair_scores, proportion_upper_bound
from edge_runtime.towers.card import OperatingPoint
from train.cli import main
from train.data.faces import load_faces
from train.measure.calibrate import calibrate, choose_thresholds, people_needed
from train.measure.towers import load_tower


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_people(tmp_path_factory.mktemp("strangers") / "faces", people=12)
    for path in folder.glob("*/*.png"):
        path.write_bytes(path.read_bytes() + b"\0")
    for person in range(12):
        (folder / f"p{person}").rename(folder / f"q{person}")
    return folder


def test_thresholds_by_counting(tiny_run: Path, strangers: Path, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "thresholds.json"
    words = ["calibrate", str(tiny_run), "--data", str(strangers), "--fmr", "0.01", "--fmr", "0.1", "--out", str(out)]
    assert main([*words, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert json.loads(out.read_text()) == printed
    tower = load_tower(tiny_run)
    faces = load_faces(strangers, tower.colours)
    scores = pair_scores(tower.embed(faces.pixels), faces.labels)
    assert [point["target_fmr"] for point in printed["thresholds"]] == [0.1, 0.01]
    for point in printed["thresholds"]:
        accepted = int(np.sum(scores.impostor >= point["threshold"]))
        assert accepted == point["false_matches"] <= point["target_fmr"] * 1056
        # One more impostor would be too many.
        assert (accepted + 1) / 1056 > point["target_fmr"]
        assert point["fnmr"] == pytest.approx(np.mean(scores.genuine < point["threshold"]))
        assert point["fmr_upper"] >= proportion_upper_bound(accepted, 1056)
        assert point["held_out_fmr"] is not None
        assert any("12 people" in line for line in point["warnings"])
        OperatingPoint(**{name: point[name] for name in OperatingPoint.__dataclass_fields__})
    assert any("None of the run's validation people" in note for note in printed["notes"])
    assert main(words) == 2
    assert "--force" in capsys.readouterr().err


def test_nothing_is_said_of_validation_people_where_there_were_none(
    tiny_run: Path, strangers: Path, tmp_path: Path, capsys: Any
) -> None:
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    split = json.loads((run / "split.json").read_text())
    (run / "split.json").write_text(
        json.dumps({**split, "train": [*split["train"], *split.pop("validation")], "validation": []})
    )
    assert main(["calibrate", str(run), "--data", str(strangers), "--fmr", "0.1", "--json"]) == 0
    assert not any("validation" in note for note in json.loads(capsys.readouterr().out)["notes"])


def test_a_target_that_the_data_cannot_support(tiny_run: Path, strangers: Path, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "thresholds.json"
    words = ["calibrate", str(tiny_run), "--data", str(strangers), "--fmr", "1e-1", "--fmr", "1e-4", "--out", str(out)]
    assert main(words) == 1
    said = capsys.readouterr().err
    assert "needs 10000 impostor pairs" in said
    assert "give 1056" in said
    assert not out.exists()
    with pytest.raises(CheckFailed):
        calibrate(tiny_run, strangers, [1e-6])


@pytest.mark.parametrize(("pairs", "each"), [(1, 1), (1000, 1), (1000, 4), (10_000, 10), (30_000_000, 7)])
def test_people_needed_are_just_enough(pairs: int, each: int) -> None:
    people = people_needed(pairs, each)
    assert people * (people - 1) // 2 * each**2 >= pairs
    assert (people - 1) * (people - 2) // 2 * each**2 < pairs


def test_people_trained_on_are_refused(tiny_run: Path, tiny_faces: Path, capsys: Any) -> None:
    assert main(["calibrate", str(tiny_run), "--data", str(tiny_faces), "--fmr", "0.1"]) == 2
    assert "was trained on" in capsys.readouterr().err


def test_validation_people_are_named(tiny_run: Path, tiny_faces: Path, capsys: Any) -> None:
    words = ["calibrate", str(tiny_run), "--data", str(tiny_faces), "--part", "validation", "--fmr", "0.1", "--json"]
    assert main(words) == 0
    printed = json.loads(capsys.readouterr().out)
    assert any("8 of the 8 pictures are the run's validation pictures" in note for note in printed["notes"])
    assert printed["thresholds"][0]["held_out_fmr"] is None
    assert any("too few people" in line for line in printed["thresholds"][0]["warnings"])


@pytest.mark.parametrize("fmr", [0.0, 1.0, -1.0, math.nan])
def test_what_is_no_rate(fmr: float, tiny_run: Path, strangers: Path) -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        calibrate(tiny_run, strangers, [fmr])


def test_large_sets_are_calibrated_on_the_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(60), 4)
    rows = rng.normal(size=(60, 8))[labels] + 0.5 * rng.normal(size=(240, 8))
    exact = choose_thresholds(rows, labels, [0.1, 0.01])
    monkeypatch.setattr("train.measure.calibrate._EXACT_PICTURES", 10)
    counted = choose_thresholds(rows, labels, [0.1, 0.01])
    for one, other in zip(exact, counted, strict=True):
        assert other.point.threshold == pytest.approx(one.point.threshold, abs=4e-6)
        assert other.point.false_matches <= one.point.false_matches
        assert other.held_out == one.held_out
        assert not any("people" in line for line in one.warnings)
