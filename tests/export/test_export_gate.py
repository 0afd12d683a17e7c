from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.errors import CheckFailed, UsageError
from export.conversion.recipes import RECIPES
from export.delivery.bundle import solve_thresholds
from export.gate.judge import check_pairs, judge
from export.gate.result import Change, GateResult
from export.gate.tables import evaluation_tables, gate_json, gate_table, thresholds_table

INT8 = RECIPES["int8"]


def _people(*, people: int = 8, pictures: int = 5, noise: float = 0.6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(people, 16))
    labels = np.repeat(np.arange(people), pictures)
    return (centres[labels] + noise * generator.normal(size=(labels.size, 16))).astype(np.float32), labels


def _change(result: GateResult) -> Change:
    assert result.change is not None
    return result.change


def _judge(before: np.ndarray, after: np.ndarray, labels: np.ndarray, fmr: float = 0.01) -> GateResult:
    return judge(before, after, labels, INT8, target_fmr=fmr)


def test_the_same_embeddings_at_another_length_pass_without_a_difference() -> None:
    embeddings, labels = _people()
    result = _judge(embeddings, embeddings * 3, labels)
    assert result.passed
    assert _change(result).cosine_min == pytest.approx(1, abs=1e-6)
    assert _change(result).eer_rise == 0
    assert abs(_change(result).threshold_shift) < 1e-6
    assert (result.people, result.pictures) == (8, 40)
    assert (result.scores.genuine_pairs, result.scores.impostor_pairs) == (8 * 10, 40 * 39 // 2 - 80)


def test_cosines_are_those_of_a_plain_loop() -> None:
    before, labels = _people()
    after = before + 0.02 * np.random.default_rng(1).normal(size=before.shape).astype(np.float32)
    result = _judge(before, after, labels)
    cosines = [float(a @ b / np.sqrt((a @ a) * (b @ b))) for a, b in zip(before, after, strict=True)]
    assert _change(result).cosine_mean == pytest.approx(np.mean(cosines), abs=1e-6)
    assert _change(result).cosine_min == pytest.approx(min(cosines), abs=1e-6)
    assert _change(result).cosine_p5 == pytest.approx(np.percentile(cosines, 5), abs=1e-6)


def test_embeddings_that_moved_fail_by_their_cosine() -> None:
    before, labels = _people(noise=0.1)
    after = before + 0.3 * np.random.default_rng(1).normal(size=before.shape).astype(np.float32)
    result = _judge(before, after, labels)
    assert not result.passed
    assert [reason.split()[0] for reason in result.reasons] == ["mean", "p5"]
    assert "at least 0.995 is needed" in result.reasons[0]
    assert "at least 0.98 is needed" in result.reasons[1]
    assert "gate: failed" in gate_table(result)
    assert gate_json(result)["passed"] is False


def test_people_who_are_confused_fail_by_the_eer() -> None:
    before, labels = _people()
    after = before.copy()
    after[[0, 5, 10, 15]] = before[[5, 10, 15, 0]]
    result = _judge(before, after, labels)
    assert any("the EER rose by" in reason for reason in result.reasons)


def test_an_eer_that_falls_is_no_fault() -> None:
    worse, labels = _people(noise=2.0)
    better, _ = _people(noise=0.1)
    result = _judge(worse, better, labels)
    assert _change(result).eer_rise < 0
    assert not any("EER" in reason for reason in result.reasons)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
@pytest.mark.parametrize("broken", ["float tower", "converted tower"])
def test_one_undefined_embedding_is_enough_to_refuse(value: float, broken: str) -> None:
    good, labels = _people()
    bad = good.copy()
    bad[7] = value
    pair = (bad, good) if broken == "float tower" else (good, bad)
    with pytest.raises(CheckFailed, match=f"1 of 40 embeddings of the {broken} are zero or not finite"):
        _judge(*pair, labels)


@pytest.mark.parametrize("broken", ["float tower", "converted tower"])
def test_a_collapsed_tower_is_refused(broken: str) -> None:
    good, labels = _people()
    same = np.ones_like(good)
    pair = (same, good) if broken == "float tower" else (good, same)
    with pytest.raises(CheckFailed, match=f"the {broken} has collapsed"):
        _judge(*pair, labels)


def test_too_few_pairs_are_refused() -> None:
    with pytest.raises(CheckFailed, match="10 usable pictures of 2 people: 20 genuine and 25 impostor pairs"):
        check_pairs(np.repeat([0, 1], 5), INT8.limits, target_fmr=0.1)
    with pytest.raises(CheckFailed, match="0 genuine and 1225 impostor pairs"):
        check_pairs(np.arange(50), INT8.limits, target_fmr=0.01)
    with pytest.raises(CheckFailed, match="0 usable pictures of 0 people"):
        check_pairs(np.array([], dtype=np.int64), INT8.limits, target_fmr=0.01)


def test_a_rate_that_the_pairs_cannot_resolve_is_refused_with_one_that_they_can() -> None:
    _, labels = _people()
    with pytest.raises(UsageError, match=r"700 impostor pairs .* rate of 0\.001: at least 1000 .*--fmr 0\.01"):
        check_pairs(labels, INT8.limits, target_fmr=0.001)
    check_pairs(labels, INT8.limits, target_fmr=0.01)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.01, 0.02, 0.1, 0.3]))
def test_solved_thresholds_keep_their_rate_and_fall_with_it(seed: int, fmr: float) -> None:
    embeddings, labels = _people(noise=1.0, seed=seed)
    points = solve_thresholds(_judge(embeddings, embeddings, labels, fmr))
    assert fmr in [point.target_fmr for point in points]
    assert all(point.fmr <= point.target_fmr <= 1 for point in points)
    assert all(point.impostor_pairs * point.target_fmr >= 1 for point in points)
    thresholds = [point.threshold for point in points]
    assert thresholds == sorted(thresholds, reverse=True)
    assert "default" in thresholds_table(points, default_fmr=fmr)


def test_the_tables_say_what_was_measured_and_what_could_not_be() -> None:
    embeddings, labels = _people()
    result = _judge(embeddings, embeddings, labels)
    tables = evaluation_tables(result)
    assert tables["float"]["tar_at_far"]["0.001"] is None
    assert tables["float"]["tar_at_far"]["0.01"] == pytest.approx(_change(result).before.tar_at_far[1], abs=1e-6)
    text = gate_table(result)
    assert "too few pairs" in text
    assert "40 pictures of 8 people: 80 genuine and 700 impostor pairs" in text
    columns = {line.index("float") for line in text.splitlines() if line.strip().startswith("float")}
    assert len(columns) == 1


def test_the_verdict_is_its_reasons() -> None:
    embeddings, labels = _people()
    result = _judge(embeddings, embeddings, labels)
    assert result.passed
    assert not replace(result, reasons=("for a reason",)).passed
