"""`make demo` on few visitors: the tower that ships, the device's commands, a report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.towers.shipped import DEFAULT_SHIPPED, SHIPPED
from edge_runtime.towers.tower import Tower

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.demo", *map(str, arguments)],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, att_faces: Path) -> Path:
    out = tmp_path_factory.mktemp("demo") / "demo"
    # The user's own tower and keys have no part in it.
    ran = run(
        "--out", out, "--visitors", "4", "--json", SIAMLITE_TOWER="no-such.tflite", SIAMLITE_REQUIRE_SIGNED="1"
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert json.loads(ran.stdout) == json.loads((out / "result.json").read_text())
    return out


@pytest.fixture(scope="module")
def result(demo: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((demo / "result.json").read_text())
    return found


def test_the_tower_that_ships_is_tried_and_none_is_made(demo: Path, result: dict[str, Any]) -> None:
    assert result["tower"] == DEFAULT_SHIPPED
    assert result["tower_bytes"] == SHIPPED[DEFAULT_SHIPPED].path.stat().st_size
    assert not list(demo.rglob("*.tflite")) or {path.parent.name for path in demo.rglob("*.tflite")} == {"models"}
    assert not list(demo.rglob("*.keras"))


def test_every_claim_got_an_answer_and_the_counts_add_up(result: dict[str, Any]) -> None:
    verify, identify = result["verify"], result["identify"]
    assert (verify["attempts"], verify["genuine"], verify["impostor"]) == (8, 2, 6)
    assert (identify["attempts"], identify["genuine"]) == (4, 2)
    for tally in (verify, identify):
        assert tally["accepted"] + tally["rejected"] == tally["attempts"]
        assert tally["accepted"] - tally["false_accepts"] + tally["false_rejects"] == tally["genuine"]


def test_single_pictures_are_judged_at_the_threshold_that_ships(result: dict[str, Any]) -> None:
    singles = result["single_pictures"]
    point = Tower.load(SHIPPED[DEFAULT_SHIPPED].path).card.operating_point()
    assert singles["threshold"] == point.threshold
    assert singles["people"] == 40
    assert singles["pictures"] + singles["missed"] == 400
    assert singles["genuine_pairs"] + singles["impostor_pairs"] == singles["pictures"] * (singles["pictures"] - 1) // 2
    assert singles["eer"] < 0.02


def test_the_report_carries_its_pictures_and_fetches_nothing(demo: Path, result: dict[str, Any]) -> None:
    page = (demo / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert 0 < page.count("data:image/jpeg;base64,") <= result["identify"]["attempts"]
    assert "http://" not in page
    assert "https://" not in page


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    ran = run("--out", tmp_path)
    assert ran.returncode == 2
    assert "--out" in ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
