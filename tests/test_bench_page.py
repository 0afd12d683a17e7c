"""docs/benchmarks.md is what the runs that are kept give, and the page of other runs says what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.page import PAGE, make_page, make_parser, sections
from benchmarks.run import make_parser as run_parser
from benchmarks.suite.proof import found
from benchmarks.suite.proof import make_parser as proof_parser
from benchmarks.suite.results import RESULTS, device_folders, read_run
from benchmarks.suite.tables import figure, natural
from edge_runtime.commands.console import run_command
from edge_runtime.errors import DataError

ACCURACY = {
    "people": 40, "pictures": 400, "acquired": 399, "genuine_pairs": 1790, "impostor_pairs": 77000,
    "eer": 0.0123, "auc": 0.99, "tar": {"0.01": 0.98, "0.001": None},
}  # fmt: skip
TOWER = {"tower": "accurate", "threads": 1, "file_bytes": 5_800_000, "accuracy": ACCURACY}


def test_the_page_and_its_pictures_are_what_the_runs_give() -> None:
    pictures, text = make_page()
    assert PAGE.read_text(encoding="utf-8") == text
    for name, data in pictures.items():
        assert (PAGE.parent / name).read_bytes() == data, f"{name} is out of date: make bench-page"


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*/*.json")), ids=lambda path: path.stem)
def test_what_is_kept_names_its_command_and_no_place_on_a_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not any(word in text for word in ("/home", "/root", "/tmp", "/work"))
    held = json.loads(text)
    words = held["command"].split()
    parser = {"benchmarks.run": run_parser, "benchmarks.suite.proof": proof_parser}[words[2]]()
    assert words[:2] == ["python", "-m"]
    assert callable(parser.parse_args(words[3:]).run)
    assert path.parent.name == held["machine"]["folder"]


def test_every_benchmark_that_is_kept_has_its_ratios() -> None:
    folders = device_folders()
    assert folders
    for folder in folders:
        run = read_run(folder / "baseline.json")
        stages = {one["stage"] for one in run["benchmarks"].values()}
        assert {"decode", "detect", "align", "embed", "match", "decide", "frame"} <= stages
        for name, one in run["benchmarks"].items():
            assert len(one["ratio"]["computed"]) == len(one["ratio"]["clock"]) >= 3, name
            assert 0 < one["median_ms"] <= one["p95_ms"], name
            assert set(one["kernels"]) == set(run["kernels"]), name
            if one["stage"] == "embed" and one.get("threads") == 1:
                assert 0 <= one["accuracy"]["eer"] < 0.5, name


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*/proof.json")), ids=lambda path: path.parent.name)
def test_what_a_proof_says_follows_from_its_ratios(path: Path) -> None:
    held = json.loads(path.read_text(encoding="utf-8"))
    assert json.loads(json.dumps(found(held["ratios"]))) == {key: held[key] for key in found(held["ratios"])}


def benchmark(stage: str, ratio: float, **more: Any) -> dict[str, Any]:
    passes = [ratio, 1.05 * ratio, 0.97 * ratio]
    return {
        "stage": stage, "what": f"what {stage} does", "calls": 1, "rounds": 60, "median_ms": ratio, "p95_ms": 2 * ratio,
        "computed_ms": ratio, "ratio": {"computed": passes, "clock": passes}, "kernels": {"float": 3.0, "copy": 2.0},
        **more,
    }  # fmt: skip


def run_of(scale: float = 1, **more: dict[str, Any]) -> dict[str, Any]:
    state = {"governor": None, "frequency_mhz": None, "temperature_c": 41.2, "throttled": None, "load_average": 1}
    passes = [{"suites": "stages", "before": state, "after": state, "seconds": 90, "other_work_cores": 0.4}]
    machine = {
        "name": "A board, 4 cores",
        "folder": "a",
        "system": "Linux",
        "memory_gb": 4.1,
        "versions": {"numpy": "2"},
    }
    return {
        "made": "2026-01-02 03:04 UTC", "command": "python -m benchmarks.run --name baseline", "commit": "0123456789",
        "machine": machine, "load_processes": 1, "passes": passes, "kernels": {"float": {"median_ms": 1, "p95_ms": 2}},
        "benchmarks": {
            "decode[640x480]": benchmark("decode", 1.5),
            "embed[1]": benchmark("embed", 9 * scale, **TOWER),
            **more,
        },
    }  # fmt: skip


def keep(folder: Path, name: str, run: dict[str, Any]) -> None:
    (folder / "a").mkdir(exist_ok=True)
    (folder / "a" / f"{name}.json").write_text(json.dumps(run))


def test_a_device_with_one_run_has_its_tables_and_no_more(tmp_path: Path) -> None:
    keep(tmp_path, "baseline", run_of())
    pictures, text = make_page(tmp_path)
    assert "| `decode[640x480]`: what decode does | 1.50 | 1.50 | 3.00 | 60 | 1.50 | 8% | – |" in text
    assert "| accurate | 5,800 | 9.00 | 9.00 | 1.2% | 98.0% | – | 40 | 1,790 / 77,000 |" in text
    assert "temperature: 41 to 41 °C" in text
    for absent in ("Threads\n", "Training and export", "Do two runs agree", "to be trusted"):
        assert absent not in text
    assert sorted(pictures) == ["images/bench-a-stages.svg", "images/bench-a-towers.svg"]
    assert all(name in text and data.startswith(b"<?xml") for name, data in pictures.items())
    assert make_page(tmp_path) == (pictures, text)


def test_what_does_not_agree_under_load_is_said(tmp_path: Path) -> None:
    keep(tmp_path, "baseline", run_of())
    keep(tmp_path, "loaded", run_of(1.2))
    text = make_page(tmp_path)[1]
    assert "Of 2 ratios by computing, 1 agree within 10%" in text
    assert "`embed[1]` (9 and 10.8)" in text
    assert "| 8% | **10.8** |" in text
    keep(tmp_path, "loaded", run_of(1.05))
    assert "Of 2 ratios by computing, 2 agree within 10% between the two runs." in make_page(tmp_path)[1]


def test_threads_training_and_export_have_tables(tmp_path: Path) -> None:
    two = benchmark("embed", 5, tower="accurate", threads=2)
    train = benchmark("train", 2000, pictures=16)
    keep(
        tmp_path, "baseline", run_of(**{"embed[2]": two, "train[plain]": train, "export[int8]": benchmark("export", 7)})
    )
    text = make_page(tmp_path)[1]
    assert "| accurate | 9.00 (18.0) | 5.00 (10.0) |" in text
    assert "| `train[plain]`: what train does | 2.00 | 2.00 | 8.0 | 2,000 |" in text
    assert "`export[int8]`" in text


def test_a_damaged_run_is_one_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError, match="make bench"):
        make_page(tmp_path)
    keep(tmp_path, "baseline", {**run_of(), "benchmarks": {"x": {}}})
    with pytest.raises(DataError, match="damaged"):
        make_page(tmp_path)
    out = tmp_path / "page.md"
    assert run_command(make_parser(), ["--results", str(tmp_path), "--out", str(out)]) == 2
    assert not out.exists()
    assert capsys.readouterr().err.count("\n") == 1


def test_measurements_that_are_not_there_add_nothing() -> None:
    assert sections(("benchmarks.nothing", "benchmarks.suite")) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0004567, "0.000457"), (0.0123, "0.0123"), (1.234, "1.23"), (123.4, "123"), (12345.6, "12,346"), (0, "0")],
)
def test_figures_have_three_digits(value: float, text: str) -> None:
    assert figure(value) == text


def test_numbers_in_names_are_ordered_by_size() -> None:
    names = ["match[1]", "match[100]", "match[10000]", "decode[320x240]", "decode[1280x720]", "align"]
    ordered = ["align", "decode[320x240]", "decode[1280x720]", "match[1]", "match[100]", "match[10000]"]
    assert sorted(names, key=natural) == ordered
