"""Rounds beside the reference kernels, and what is kept of them: pure parts, and one real pass."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.suite.accuracy import CropSet, score
from benchmarks.suite.kernels import Reference, make_kernels
from benchmarks.suite.machine import commit, describe_machine, folder_name
from benchmarks.suite.passes import run_pass
from benchmarks.suite.proof import found
from benchmarks.suite.record import condense, kernel_times, pass_ratio
from benchmarks.suite.results import newest_run
from benchmarks.suite.rounds import plan_rounds
from benchmarks.suite.slowed import SLOWED
from benchmarks.suite.towers import RECIPES, load_recipe
from edge_runtime.errors import DataError, UsageError
from edge_runtime.files import write_json
from edge_runtime.towers.bundle import read_bundle
from edge_runtime.towers.tower import Tower
from export.conversion.recipes import RECIPES as KNOWN

TINY = Path(__file__).parent / "data/tiny.tflite"


@settings(deadline=None)
@given(st.floats(1e-8, 10), st.floats(1e-5, 0.1))
def test_a_plan_keeps_to_its_limits(call_s: float, reference_s: float) -> None:
    plan = plan_rounds(call_s, reference_s)
    assert plan.calls * call_s >= 0.001 or plan.calls == 1
    assert 5 <= plan.rounds <= 25
    assert 1 <= plan.turns <= 40
    given_plan = plan_rounds(call_s, reference_s, calls=7, rounds=2)
    assert (given_plan.calls, given_plan.rounds) == (7, 2)


def test_kernels_are_fixed_work() -> None:
    first, second = make_kernels(), make_kernels()
    assert list(first) == ["float", "integer", "copy"]
    assert np.array_equal(first["integer"](), second["integer"]())


def test_a_visit_is_the_mean_of_its_turns() -> None:
    counted = [0]

    def kernel() -> None:
        counted[0] += 1

    reference = Reference(kernels={"k": kernel})
    reference.begin()
    reference.visit(3)
    reference.visit()
    assert counted == [4]
    assert [len(times) for times in reference.seconds.values()] == [2]
    assert all(wall >= 0 and computed >= 0 for wall, computed in reference.seconds["k"])


@settings(deadline=None)
@given(st.lists(st.floats(0.001, 10), min_size=1, max_size=9), st.data())
def test_a_ratio_is_a_round_by_the_visits_beside_it(times: list[float], data: st.DataObject) -> None:
    visits = data.draw(st.lists(st.floats(0.001, 10), min_size=len(times) + 1, max_size=len(times) + 1))
    by_loop = [time / ((visits[at] + visits[at + 1]) / 2) for at, time in enumerate(times)]
    assert pass_ratio(np.array(times), np.array(visits)) == pytest.approx(np.median(by_loop))


@pytest.mark.parametrize(("times", "visits"), [([1.0], [1.0]), ([], [1.0]), ([1.0], [1.0, 0.0])])
def test_rounds_without_their_visits_are_refused(times: list[float], visits: list[float]) -> None:
    with pytest.raises(ValueError, match="visit"):
        pass_ratio(np.array(times), np.array(visits))


def document(scale: float, **notes: Any) -> dict[str, Any]:
    """A pass of one benchmark with two rounds of ten calls; by the processor everything takes half as long."""
    kernels = {"float": [[0.1, 0.05]] * 3, "copy": [[0.3, 0.15]] * 3}
    extra = {"calls": 10, "computed_s": [scale, scale * 3], "kernels_s": kernels, "what": "it", **notes}
    stats = {"data": [2 * scale, 6 * scale]}
    named = {"name": "test_x[1]", "fullname": "a/test_it.py::test_x[1]"}
    return {"benchmarks": [{**named, "extra_info": extra, "stats": stats}]}


def test_passes_become_one_record() -> None:
    one = condense([document(1), document(2), document(3, accuracy={"eer": 0.1})])["x[1]"]
    assert (one["stage"], one["what"], one["calls"], one["rounds"]) == ("it", "it", 10, 6)
    assert one["ratio"]["computed"] == pytest.approx([1, 2, 3])
    assert one["ratio"]["clock"] == pytest.approx([1, 2, 3])
    assert one["kernels"] == pytest.approx({"float": 8, "copy": 8 / 3}, rel=1e-3)
    assert one["median_ms"] == pytest.approx(np.median([200, 600, 400, 1200, 600, 1800]))
    assert one["p95_ms"] == pytest.approx(np.percentile([200, 600, 400, 1200, 600, 1800], 95))
    assert one["accuracy"] == {"eer": 0.1}
    assert kernel_times([document(1)])["copy"]["median_ms"] == 150


def test_other_benchmarks_are_one_error() -> None:
    foreign = document(1)
    del foreign["benchmarks"][0]["extra_info"]["kernels_s"]
    with pytest.raises(DataError, match="reference kernels"):
        condense([foreign])


def test_a_real_pass_can_be_kept(tmp_path: Path) -> None:
    words = ["benchmarks/stages/test_decide.py", "benchmarks/stages/test_match.py", "-p", "benchmarks.suite.slowed"]
    chosen = ["-k", "decide or (10000 and not 1000000)"]
    made, about = run_pass(tmp_path / "kept.json", [*words, *chosen], suites="some")
    held = condense([made, made, made])
    assert set(held) == {"decide", "match[10000]"}
    assert all(len(one["ratio"]["computed"]) == 3 and one["what"] for one in held.values())
    assert about["suites"] == "some"
    assert made["machine_info"]["name"] == describe_machine()["name"]


def test_a_proof_counts_what_was_called_wrongly() -> None:
    first = {"decide": [1, 1, 1], "decode[640x480]": [1, 1, 1], "match[1]": [1, 1, 1], "match[100]": [1, 1, 1]}
    slow = {"decide": [2, 2, 2], "decode[640x480]": [3, 3, 3], "match[1]": [1, 1.2, 1.4], "match[100]": [1.05] * 3}
    told = found({"same 0": first, "same 1": first, "same 2": {**first, "decide": [0.5] * 3}, "slowed": slow})
    assert told["comparisons"] == 8
    assert [(flag["run"], flag["name"], flag["verdict"]) for flag in told["false_flags"]] == [(2, "decide", "faster")]
    assert (told["caught"], told["missed"], told["beside"]) == (["decode[640x480]"], ["match[1]"], ["decide"])
    assert all(name.startswith(SLOWED) for name in first if name != "decide")


def test_the_suites_time_every_recipe_of_export() -> None:
    assert set(RECIPES) == set(KNOWN)


def test_a_recipe_is_timed_and_scored_as_one_object(tmp_path: Path) -> None:
    bundle = read_bundle(TINY)
    (tmp_path / "int8.tflite").write_bytes(bundle.flatbuffer)
    spec = bundle.card.input
    about = {"size_px": spec.size_px, "colour": spec.colour, "scale": spec.scale, "offset": spec.offset}
    write_json(tmp_path / "made.json", {"input": about, "strangers": []})
    tower, whole = load_recipe(tmp_path, "int8"), Tower.load(TINY)
    crops = np.random.default_rng(0).integers(0, 256, (6, spec.size_px, spec.size_px, 3), dtype=np.uint8)
    assert np.array_equal(tower.embed(crops), whole.embed(crops))
    found = score(tower, CropSet(crops_rgb=crops, labels=np.array([0, 0, 0, 1, 1, 1]), pictures=7))
    assert (found["genuine_pairs"], found["impostor_pairs"], found["acquired"], found["pictures"]) == (6, 9, 6, 7)
    assert found["tar"] == {"0.01": None, "0.001": None}
    with pytest.raises(DataError, match="trial tower"):
        load_recipe(tmp_path / "no", "int8")


def test_the_machine_is_named_without_a_place_on_it() -> None:
    assert folder_name("Raspberry Pi 5 Rev 1.0, 4 cores, aarch64") == "raspberry-pi-5-rev-1-0-4-cores-aarch64"
    about = describe_machine()
    assert about["folder"] == folder_name(about["name"])
    assert "numpy" in about["versions"]
    assert shutil.which("git") is None or commit() is None or len(str(commit()).rstrip("+")) == 10


def test_the_newest_run_is_none_of_those_that_are_kept(tmp_path: Path) -> None:
    (tmp_path / "baseline.json").touch()
    with pytest.raises(UsageError, match="make bench"):
        newest_run(tmp_path)
    (tmp_path / "2026-01-01.json").touch()
    assert newest_run(tmp_path).stem == "2026-01-01"
