"""docs/compatibility.md is what the recorded results give."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.compatibility.__main__ import RESULTS, make_parser
from benchmarks.compatibility.page import make_page
from edge_runtime.errors import DataError
from export.conversion.recipes import RECIPES
from export.preflight.table import TABLE
from export.preflight.verdicts import TARGETS

ROOT = Path(__file__).resolve().parents[1]


def test_the_page_is_what_the_results_give() -> None:
    assert (ROOT / "docs/compatibility.md").read_text(encoding="utf-8") == make_page(RESULTS)


def test_the_matrix_is_whole() -> None:
    held = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert set(held["towers"]) == {"tutorial", "plain", "mobilefacenet"}
    for tower in held["towers"].values():
        assert set(tower["runtimes"]) == set(TARGETS) - {"edge-tpu"}
        for rows in tower["runtimes"].values():
            assert set(RECIPES) <= set(rows)
            for row in rows.values():
                assert row["runs"] or row["said"]


@pytest.mark.parametrize("path", [RESULTS, TABLE], ids=["results", "table"])
def test_results_name_their_command_and_no_place_on_a_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not any(word in text for word in ("/home", "/root", "/tmp", "/work"))
    words = json.loads(text)["command"].split()
    assert words[:3] == ["python", "-m", "benchmarks.compatibility"]
    assert callable(make_parser().parse_args(words[3:]).run)


def test_damaged_results_are_one_error(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text('{"towers": {}}')
    with pytest.raises(DataError, match="Measure again"):
        make_page(path)
