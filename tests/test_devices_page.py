"""docs/devices.md is what the stored results give, and no board has figures that has no file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.devices.__main__ import RESULTS, make_parser
from benchmarks.devices.page import BOARDS, NOT_MEASURED, make_page
from edge_runtime.commands.console import run_command
from edge_runtime.errors import DataError

ROOT = Path(__file__).resolve().parents[1]
TIMES = {"p50_ms": 1.0, "p95_ms": 2.0, "p99_ms": 3.0, "mean_ms": 1.5, "runs": 9}
STATE = {"governor": "ondemand", "frequency_mhz": 1500, "temperature_c": 50.0, "throttled": []}


def result_of(name: str) -> dict[str, Any]:
    return {
        "device": {"name": name, "siamlite": "0.1.0", "python": "3.11.2"},
        "tower": {"name": "accurate", "recipe": "int8", "interpreter": "ai-edge-litert 2.3.0", "threads": 1},
        "stages": {"detect": TIMES, "align": TIMES, "embed": TIMES, "whole frame": TIMES},
        "tracker": {"whole frame": TIMES},
        "frames_per_s": 10.0,
        "tracked_frames_per_s": 20.0,
        "cold_start": {"cpu_s": 0.5, "peak_mb": None},
        "before": STATE,
        "after": {**STATE, "temperature_c": 60.0},
        "power": {"before_w": 3.0, "mean_w": 5.5, "max_w": 6.0, "samples": 4, "source": "power chip, sum of its rails"},
        "other_work_cores": 0.1,
    }


def rows(page: str, begin: str) -> list[list[str]]:
    lines = [line for line in page.splitlines() if line.startswith(f"| {begin}")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_page_is_what_the_results_give() -> None:
    assert (ROOT / "docs/devices.md").read_text(encoding="utf-8") == make_page(RESULTS)


def test_results_name_no_place_on_a_machine() -> None:
    held = sorted(RESULTS.glob("*.json"))
    assert held
    assert not any(word in path.read_text() for path in held for word in ("/home", "/root", "/tmp", "/work"))


def test_a_board_without_a_file_has_no_figure(tmp_path: Path) -> None:
    page = make_page(tmp_path)
    for board in BOARDS:
        assert all(set(row[1:]) == {NOT_MEASURED} for row in rows(page, board))
        assert len(rows(page, board)) == 2
    assert set(rows(page, "yours")[0][1:]) == {""}


def test_a_board_with_a_file_takes_its_place(tmp_path: Path) -> None:
    name = "Raspberry Pi 5 Model B Rev 1.0, 4 cores, aarch64"
    (tmp_path / "pi5.json").write_text(json.dumps(result_of(name)))
    speed, state = rows(make_page(tmp_path), "Raspberry Pi 5")
    assert speed[:3] == [name, "accurate (int8), ai-edge-litert 2.3.0, 1 thread(s)", "1.00 / 2.00"]
    assert speed[-2:] == ["0.50", ""]
    assert state[1:5] == ["ondemand", "50.0 °C → 60.0 °C", "no", "3 → 5.5 W (power chip, sum of its rails)"]
    assert set(rows(make_page(tmp_path), "Raspberry Pi 4")[0][1:]) == {NOT_MEASURED}


def test_a_disturbed_measurement_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({**result_of("Some board"), "other_work_cores": 1.9}))
    speed, state = rows(make_page(tmp_path), "Some board")
    assert speed[0] == "Some board – **disturbed**"
    assert state[-2] == "1.9"


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    out = tmp_path / "devices.md"
    assert run_command(make_parser(), ["--out", str(out)]) == 0
    assert out.read_text(encoding="utf-8") == make_page(RESULTS)


def test_a_damaged_result_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"device": {}}')
    with pytest.raises(DataError, match="Measure again"):
        make_page(tmp_path)
