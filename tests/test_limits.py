"""How far from the limit: the counting, the arithmetic and the reading; nothing is timed here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.limits.__main__ import make_parser
from benchmarks.limits.actions import make_action, noise
from benchmarks.limits.instructions import Count, count_instructions, parse_total, read_counts
from benchmarks.limits.measure import Timed, time_in_turn
from benchmarks.limits.page import make_report, section
from benchmarks.limits.plot import draw_roofline
from benchmarks.limits.roofline import Roof, limited_by, share_of_roof
from benchmarks.limits.run import best_of, peak_mapping
from benchmarks.limits.work import Work, count_work, size_bytes, work_of
from edge_runtime.commands.console import run_command
from edge_runtime.errors import DataError, MissingDependency, TowerError, UsageError
from edge_runtime.towers.interpreter import TensorSpec
from export.preflight.operators import Operator, Tensor

RESULT = Path(__file__).resolve().parents[1] / "benchmarks/limits/result.json"


# Work


def tensor(name: str, type: str, *shape: int, constant: bool = False) -> Tensor:
    return Tensor(name=name, type=type, shape=shape, quantization="none", constant=constant)


def operator(name: str, inputs: tuple[Tensor | None, ...], *outputs: Tensor) -> Operator:
    return Operator(name=name, version=1, layer="", inputs=inputs, outputs=outputs)


IMAGE = tensor("image", "INT8", 1, 8, 8, 3)
MAP = tensor("map", "INT8", 1, 8, 8, 4)
FLAT = tensor("flat", "INT8", 1, 256)
EMBEDDING = tensor("embedding", "INT8", 1, 10)
CONVOLUTION = operator(
    "CONV_2D",
    (IMAGE, tensor("k", "INT8", 4, 3, 3, 3, constant=True), tensor("b", "INT32", 4, constant=True)),
    MAP,
)
DENSE = operator("FULLY_CONNECTED", (FLAT, tensor("w", "INT8", 10, 256, constant=True), None), EMBEDDING)


def test_a_small_net_is_counted_by_hand() -> None:
    work = count_work((CONVOLUTION, operator("RESHAPE", (MAP,), FLAT), DENSE))
    # 8 × 8 places, 4 filters of 3 × 3 × 3; then 10 rows of 256.
    assert work.macs == 64 * 4 * 27 + 10 * 256
    # The kernel, a bias of four 32-bit numbers, the matrix; the reshape moves nothing.
    assert work.weight_bytes == 4 * 27 + 4 * 4 + 2560
    assert work.activation_bytes == (192 + 256) + (256 + 10)
    assert work.largest_bytes == 192 + 256
    assert work.held_bytes == work.weight_bytes + 448
    assert work.operators == 2
    assert work.intensity == pytest.approx(work.macs / (work.weight_bytes + work.activation_bytes))


def test_weights_that_are_unpacked_at_loading_count_as_what_they_become() -> None:
    packed = tensor("packed", "FLOAT16", 10, 256, constant=True)
    unpacked = tensor("unpacked", "FLOAT32", 10, 256)
    flat, out = tensor("flat", "FLOAT32", 1, 256), tensor("out", "FLOAT32", 1, 10)
    work = count_work((operator("DEQUANTIZE", (packed,), unpacked), operator("FULLY_CONNECTED", (flat, unpacked), out)))
    assert (work.weight_bytes, work.activation_bytes, work.operators) == (4 * 2560, 4 * 266, 1)


def test_a_dequantization_of_values_moves_them() -> None:
    back = operator("DEQUANTIZE", (EMBEDDING,), tensor("out", "FLOAT32", 1, 10))
    assert count_work((DENSE, back)).activation_bytes == 266 + 10 + 40


def test_the_shipped_models_are_counted(tiny_tower_path: Path) -> None:
    work = work_of(tiny_tower_path.read_bytes())
    assert work.macs > 0
    assert work.bytes == work.weight_bytes + work.activation_bytes


def test_what_cannot_be_counted_is_an_error() -> None:
    with pytest.raises(DataError, match="no convolution"):
        count_work((operator("ADD", (IMAGE, IMAGE), IMAGE),))
    for unknown in (tensor("t", "INT8", -1, 3), tensor("t", "STRING", 3)):
        with pytest.raises(DataError, match="has no size"):
            size_bytes(unknown)
    with pytest.raises(TowerError):
        work_of(b"no model at all")


# The roofline


def work(macs: int, size: int) -> Work:
    return Work(macs=macs, weight_bytes=size, activation_bytes=0, largest_bytes=0, operators=1)


def test_the_roof_bends_at_its_ridge() -> None:
    roof = Roof(macs_per_s=100e9, bytes_per_s=10e9)
    assert roof.ridge == 10
    assert roof.attainable(5) == 50e9
    assert roof.attainable(50) == 100e9
    assert limited_by(work(50, 10), roof) == "memory"
    assert limited_by(work(500, 10), roof) == "computing"
    # 10⁹ products in 20 ms are 50 G/s: half of the peak.
    assert share_of_roof(work(10**9, 10**6), 0.02, roof) == pytest.approx(0.5)


@given(st.floats(1e-3, 1e6), st.floats(1e6, 1e13), st.floats(1e6, 1e13))
def test_no_roof_is_above_either_limit(intensity: float, macs: float, size: float) -> None:
    roof = Roof(macs_per_s=macs, bytes_per_s=size)
    assert roof.attainable(intensity) <= macs
    assert roof.attainable(intensity) <= size * intensity
    assert roof.attainable(intensity) <= roof.attainable(2 * intensity)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf"), float("nan")])
def test_a_roof_needs_rates(rate: float) -> None:
    with pytest.raises(UsageError, match="two rates above 0"):
        Roof(macs_per_s=rate, bytes_per_s=1.0)


def test_the_peak_is_the_fastest_by_its_median() -> None:
    rates = {"a": np.array([1.0, 9.0, 1.0]), "b": np.array([2.0, 2.0, 2.0])}
    assert best_of(rates) == "b"
    assert peak_mapping(rates, "macs_per_s") == {"of": "b", "macs_per_s": 2.0, "tried": {"a": 1.0, "b": 2.0}}


def test_everything_has_a_turn_in_every_round() -> None:
    order: list[str] = []
    things = {name: Timed(action=lambda name=name: order.append(name), amount=1.0) for name in "ab"}  # type: ignore[misc]
    times = time_in_turn(things, 2)
    assert {name: len(values) for name, values in times.items()} == {"a": 2, "b": 2}
    turns = [name for place, name in enumerate(order) if place == 0 or order[place - 1] != name]
    assert turns == ["a", "b"] * 3  # One to warm up, two rounds.


# Instructions


def test_a_count_is_the_difference_of_two_rounds() -> None:
    count = Count(what="embed", times=2, rounds=(1_000_100, 2_000_100, 1_000_090))
    assert count.each == 500_000
    assert count.again == 500_005


def write_parts(folder: Path, totals: list[int]) -> None:
    for number, total in enumerate(totals, 1):
        (folder / f"callgrind.out.{number}").write_text(f"# callgrind format\nevents: Ir\n\ntotals: {total}\n")
    (folder / "callgrind.out").write_text("totals: 5\n")


def test_files_of_callgrind_are_read(tmp_path: Path) -> None:
    write_parts(tmp_path, [9999, 110, 210, 110, 777, 60, 110, 61])
    embed, detect = read_counts(tmp_path, ("embed", "detect"), 10)
    assert (embed.rounds, embed.each) == ((110, 210, 110), 10)
    assert (detect.rounds, detect.each, detect.again) == ((60, 110, 61), 5, 4.9)


def test_other_files_of_callgrind_are_refused(tmp_path: Path) -> None:
    write_parts(tmp_path, [1, 2, 3])
    with pytest.raises(DataError, match="4 marks"):
        read_counts(tmp_path, ("embed",), 1)
    write_parts(tmp_path, [1, 2, 3, 4, 5])
    with pytest.raises(DataError, match="4 marks"):
        read_counts(tmp_path, ("embed",), 1)
    with pytest.raises(DataError, match="no line of totals"):
        parse_total("events: Ir\n", "callgrind.out.1")


def test_no_valgrind_is_one_clear_line() -> None:
    with pytest.raises(MissingDependency, match="apt install valgrind; or leave them out with --no-count") as caught:
        count_instructions(("embed",), valgrind="no-such-valgrind")
    assert "\n" not in str(caught.value)


# Actions and the command


def test_actions_are_the_same_each_time(tiny_tower_path: Path, models: Path) -> None:
    spec = TensorSpec(index=0, name="input", shape=(1, 4, 4, 3), dtype="int8", step=0.1, zero_point=0)
    assert np.array_equal(noise(spec), noise(spec))
    assert noise(spec).dtype == np.int8
    action = make_action(str(tiny_tower_path))
    first, second = action(), action()
    assert np.array_equal(first, second)  # type: ignore[arg-type]
    assert len(make_action("detect")()) == 1  # type: ignore[arg-type]


def test_wrong_options_are_usage_errors(tmp_path: Path, models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path), "--no-count", "--no-probes"]
    assert run_command(make_parser(), [*out, "--rounds", "2"]) == 2
    assert "--rounds must be at least 3" in capsys.readouterr().err
    assert run_command(make_parser(), [*out, "--model", str(tmp_path / "none.tflite")]) == 2
    assert "cannot read" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


# The committed result


@pytest.fixture
def result() -> dict[str, Any]:
    return dict(json.loads(RESULT.read_text(encoding="utf-8")))


def test_the_committed_result_is_of_the_shipped_tower(result: dict[str, Any]) -> None:
    from edge_runtime.towers.shipped import find_tower

    held = next(model for model in result["models"] if model["name"] == "accurate, int8")
    assert held["work"] == work_of(find_tower("accurate").read_bytes()).as_mapping()


def test_the_section_is_markdown_with_every_model(result: dict[str, Any]) -> None:
    text = section(result)
    assert text.startswith("## ")
    assert text.endswith("\n")
    assert all(f"| {model['name']} |" in text for model in result["models"])
    assert "instructions" not in make_report({**result, "instructions": None})


def test_the_roofline_is_drawn(tmp_path: Path, result: dict[str, Any]) -> None:
    path = draw_roofline(result, tmp_path / "roofline.png")
    assert path.read_bytes().startswith(b"\x89PNG")
