"""The study of how many representative pictures are enough."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from edge_runtime.errors import UsageError
from export.cli import main
from export.gate.study import StudyRow, study_table, write_study

MakeRun = Callable[..., Path]


def row(pictures: int, rise: float, *, bounded: bool = True) -> StudyRow:
    return StudyRow(
        pictures=pictures,
        people=5,
        eer=0.1 + rise,
        eer_rise=rise,
        eer_rise_low=rise - 0.01 if bounded else None,
        eer_rise_high=rise + 0.01 if bounded else None,
        cosine_mean=0.999,
        cosine_p5=0.99,
        cosine_min=0.98,
    )


def test_the_study_is_measured_before_the_export(
    make_run: MakeRun, faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, study = tmp_path / "tower.tflite", tmp_path / "study"
    words = ["convert", str(make_run()), "--representative", str(faces), "--out", str(out), "--study", str(study)]
    assert main([*words, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    held = json.loads((study / "study.json").read_text())
    # 1,000 pictures are not there: all that are, 80, come last.
    assert [one["pictures"] for one in held["rows"]] == [10, 30, 80]
    assert held["rows"] == printed["study"]
    last, gate = held["rows"][-1], printed["gate"]
    assert last["cosine_mean"] == pytest.approx(gate["cosine_to_float"]["mean"], abs=1e-6)
    assert last["eer_rise"] == pytest.approx(gate["eer_rise"], abs=1e-6)
    assert held["rows"][0]["cosine_mean"] != last["cosine_mean"]
    with open(study / "study.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(one["pictures"]) for one in rows] == [10, 30, 80]
    assert cv2.imread(str(study / "study.png")).shape[1] > 600
    assert main(words) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize("bounded", [True, False])
def test_the_table_and_the_plot_do_with_and_without_intervals(tmp_path: Path, bounded: bool) -> None:
    rows = [row(10, 0.02, bounded=bounded), row(30, -0.005, bounded=bounded)]
    table = study_table(rows)
    assert ("+2.00 (+1.00 to +3.00)" in table) == bounded
    assert "-0.50" in table
    written = write_study(tmp_path, rows, title="int8")
    assert [path.name for path in written] == ["study.json", "study.csv", "study.png"]


def test_a_study_takes_a_recipe_that_needs_pictures(make_run: MakeRun, faces: Path, tmp_path: Path) -> None:
    from export.pipeline import ExportOptions

    with pytest.raises(UsageError, match="nothing to study"):
        ExportOptions(
            run=make_run(), representative=faces, out=tmp_path / "t.tflite", study=tmp_path / "s", recipe="float16"
        )
