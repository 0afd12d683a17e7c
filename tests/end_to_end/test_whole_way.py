"""The real way on a few AT&T people: photographs, training, export, enrolment, verification on a video."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.demo.steps import read_json_stream
from edge_runtime.towers.tower import Tower

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


def run(home: Path, module: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT, env={**os.environ, "SIAMLITE_HOME": str(home)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, att_faces: Path) -> Path:
    out = tmp_path_factory.mktemp("whole-way") / "demo"
    small = ["--epochs", "2", "--train-people", "15", "--visitors", "4", "--json"]
    ran = run(out / "home", "benchmarks.demo_train", "--out", out, *small)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return out


@pytest.fixture(scope="module")
def result(demo: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((demo / "result.json").read_text())
    return found


def test_every_visit_got_an_answer_and_the_counts_add_up(result: dict[str, Any]) -> None:
    verify, identify = result["verify"], result["identify"]
    assert (verify["attempts"], verify["genuine"], verify["impostor"]) == (8, 2, 6)
    assert (identify["attempts"], identify["genuine"]) == (4, 2)
    for tally in (verify, identify):
        assert tally["accepted"] + tally["rejected"] == tally["attempts"]
    right = verify["accepted"] - verify["false_accepts"]
    assert right + verify["false_rejects"] == verify["genuine"]


def test_quantization_keeps_the_embeddings(result: dict[str, Any]) -> None:
    comparison = result["comparison"]
    assert comparison["cosine_mean"] >= 0.995
    assert result["single_pictures"]["people"] == 4
    assert result["single_pictures"]["eer"] == comparison["eer_int8"]
    assert 0 <= comparison["eer_int8"] < 0.5


def test_nobody_in_the_video_was_trained_or_calibrated_on(demo: Path) -> None:
    split = json.loads((demo / "run/split.json").read_text())
    trained, calibrated = set(split["train"]), set(split["validation"])
    visitors = {path.name for path in (demo / "photos/unseen").iterdir()}
    assert len(visitors) == 4
    assert not trained & calibrated
    assert not (trained | calibrated) & visitors


def test_the_report_carries_its_pictures(demo: Path) -> None:
    page = (demo / "report.html").read_text()
    visits = json.loads((demo / "result.json").read_text())["identify"]["attempts"]
    assert page.count("data:image/png;base64,") == 4
    # One for each visit that was decided on; a visitor whose track broke has two decisions.
    assert 0 < page.count("data:image/jpeg;base64,") <= min(visits, len(list((demo / "frames").glob("*.jpg"))))
    assert "http://" not in page
    assert "https://" not in page


def test_the_tower_is_int8_and_calibrated(demo: Path) -> None:
    tower = Tower.load(demo / "tower.tflite")
    assert tower.interpreter.inputs[0].dtype == tower.interpreter.outputs[0].dtype == "int8"
    assert tower.calibrated
    point = tower.card.operating_point()
    assert point.impostor_pairs >= 100
    assert point.fmr <= point.target_fmr <= point.fmr_upper
    assert str(demo) not in tower.path.read_bytes().decode("latin-1"), "the card tells the maker's folders"


def test_another_tower_is_refused_with_both_fingerprints(demo: Path, tiny_tower_path: Path) -> None:
    name = next((demo / "photos/enrol").iterdir()).name
    video = demo / "camera.mp4"
    ran = run(demo / "home", "edge_runtime", "verify", name, "--tower", tiny_tower_path, "--source", video)
    assert ran.returncode == 3
    assert len(ran.stderr.splitlines()) == 1
    for tower in (Tower.load(tiny_tower_path), Tower.load(demo / "tower.tflite")):
        assert tower.fingerprint[:16] in ran.stderr
    assert "--gallery" in ran.stderr


def test_a_second_run_of_fit_does_not_touch_a_finished_one(demo: Path) -> None:
    before = (demo / "run/tower.keras").read_bytes()
    ran = run(demo / "home", "train", "fit", "--data", demo / "photos/train", "--out", demo / "run", "--recipe", "att")
    assert ran.returncode == 2
    assert "--force" in ran.stderr
    assert (demo / "run/tower.keras").read_bytes() == before


def test_json_that_spans_lines_is_read() -> None:
    assert read_json_stream('{"a": 1}\n{\n "b": [2]\n}\n') == [{"a": 1}, {"b": [2]}]
    with pytest.raises(ValueError, match="Expecting"):
        read_json_stream('{"a": 1} and more')
