"""The rule of benchmarks.compare, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.compare import make_parser
from benchmarks.suite.agreement import agreements
from benchmarks.suite.change import compare_runs, judge_change
from edge_runtime.commands.console import run_command
from edge_runtime.errors import UsageError

PASSES = st.lists(st.floats(0.01, 1000), min_size=3, max_size=7)


@settings(deadline=None)
@given(PASSES, PASSES)
def test_a_change_leaves_no_pass_of_one_run_among_those_of_the_other(before: list[float], after: list[float]) -> None:
    change = judge_change("x", before, after)
    if change.verdict == "slower":
        assert min(after) > max(before)
        assert np.median(after) > 1.1 * np.median(before)
    elif change.verdict == "faster":
        assert max(after) < min(before)
        assert 1.1 * np.median(after) < np.median(before)


@settings(deadline=None)
@given(PASSES, PASSES)
def test_looked_at_from_the_other_side_slower_is_faster(before: list[float], after: list[float]) -> None:
    there, back = judge_change("x", before, after), judge_change("x", after, before)
    assert {"slower": "faster", "faster": "slower", "same": "same"}[there.verdict] == back.verdict


@settings(deadline=None)
@given(PASSES)
def test_a_run_is_the_same_as_itself(ratios: list[float]) -> None:
    assert judge_change("x", ratios, ratios).verdict == "same"


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        ([1.2, 1.21, 1.22], "slower"),
        ([1.05, 1.06, 1.07], "same"),
        ([0.8, 0.81, 0.82], "faster"),
        # As far away, but the passes lie too far apart for it.
        ([1.02, 1.21, 1.4], "same"),
    ],
)
def test_the_bound_is_ten_percent_and_the_spread_of_both(after: list[float], verdict: str) -> None:
    assert judge_change("x", [1.0, 1.01, 1.02], after).verdict == verdict


def test_the_least_change_can_be_chosen() -> None:
    before, after = [1.0, 1.0, 1.0], [1.06, 1.06, 1.06]
    assert judge_change("x", before, after).verdict == "same"
    assert judge_change("x", before, after, least=0.05).verdict == "slower"


@pytest.mark.parametrize("ratios", [[1.0, 1.0], [1.0, 0.0, 1.0], [1.0, float("inf"), 1.0]])
def test_runs_that_say_nothing_are_refused(ratios: list[float]) -> None:
    with pytest.raises(UsageError, match="three passes"):
        judge_change("x", [1.0, 1.0, 1.0], ratios)


def benchmarks(**ratios: float) -> dict[str, Any]:
    return {
        name: {"ratio": {"computed": [ratio, ratio * 1.01, ratio * 0.99], "clock": [ratio, ratio * 1.5, ratio / 1.5]}}
        for name, ratio in ratios.items()
    }


def test_what_came_and_what_went_is_no_change() -> None:
    found = {one.name: one.verdict for one in compare_runs(benchmarks(a=1, b=2), benchmarks(b=3, c=4))}
    assert found == {"b": "slower", "c": "new", "a": "gone"}


def test_the_clock_that_is_asked_for_is_compared() -> None:
    before, after = benchmarks(a=1), benchmarks(a=1.3)
    assert compare_runs(before, after)[0].verdict == "slower"
    assert compare_runs(before, after, clock="clock")[0].verdict == "same"


def test_agreement_is_the_larger_by_the_smaller() -> None:
    found = agreements(benchmarks(a=1, b=1, c=9), benchmarks(a=1.08, b=0.8, d=9), clock="computed")
    assert [(one.name, one.within) for one in found] == [("a", True), ("b", False)]
    assert found[1].apart == pytest.approx(0.25)


def run_file(path: Path, *, device: str = "A processor", **ratios: float) -> Path:
    machine = {"name": device, "folder": "a", "versions": {}}
    held = {"machine": machine, "benchmarks": benchmarks(**ratios), "kernels": {}, "passes": [], "load_processes": 0}
    path.write_text(json.dumps({**held, "made": "", "command": "", "commit": ""}))
    return path


def compared(*words: str | Path) -> int:
    return run_command(make_parser(), [str(word) for word in words])


def test_the_exit_code_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = run_file(tmp_path / "old.json", a=1, b=5)
    assert compared(run_file(tmp_path / "same.json", a=1.02, b=5), old) == 0
    assert compared(run_file(tmp_path / "faster.json", a=0.5, b=5), old) == 0
    capsys.readouterr()
    slower = run_file(tmp_path / "slower.json", a=1.5, b=5)
    assert compared(slower, old, "--json") == 1
    said = json.loads(capsys.readouterr().out)
    assert said["slower"] == ["a"]
    assert compared(slower, old) == 1
    assert "+50%" in capsys.readouterr().out


def test_bad_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, other = run_file(tmp_path / "old.json", a=1), run_file(tmp_path / "b.json", device="Another", a=1)
    (tmp_path / "foreign.json").write_text("{}")
    (tmp_path / "cut.json").write_text(old.read_text()[:40])
    for words in ((other, old), (tmp_path / "foreign.json", old), (tmp_path / "cut.json", old), (tmp_path / "no", old)):
        assert compared(*words) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert compared(old, old, "--least", "0") == 2
