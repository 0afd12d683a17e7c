"""A training that ends with a budget of computing: the arithmetic, the end, and going on after an interruption."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from train_helpers import tiny_config

from edge_runtime.errors import UsageError
from edge_runtime.files import read_json
from train.config import ScheduleConfig
from train.fitting.budget import COLUMN, CpuBudget, budget_rate, is_spent, spent_seconds
from train.fitting.fit import fit
from train.fitting.log import read_log

MINUTE = ScheduleConfig(cpu_minutes=1.0, learning_rate=0.1, warmup_epochs=1, steps_per_epoch=10)


def test_the_rate_rises_over_steps_and_falls_over_the_budget():
    assert budget_rate(MINUTE, step=0, spent_s=0) == pytest.approx(0.0001)
    assert budget_rate(MINUTE, step=5, spent_s=0) == pytest.approx(0.05)
    assert budget_rate(MINUTE, step=10, spent_s=0) == pytest.approx(0.1)
    assert budget_rate(MINUTE, step=100, spent_s=30) == pytest.approx(0.05)
    assert budget_rate(MINUTE, step=100, spent_s=60) == pytest.approx(0, abs=1e-12)
    assert budget_rate(MINUTE, step=100, spent_s=90) == pytest.approx(0, abs=1e-12)


def test_a_constant_rate_and_no_warm_up_are_heeded():
    constant = ScheduleConfig(cpu_minutes=1.0, learning_rate=0.1, warmup_epochs=0, rate="constant")
    assert budget_rate(constant, step=0, spent_s=0) == budget_rate(constant, step=9, spent_s=59) == 0.1


@settings(deadline=None)
@given(st.integers(10, 10_000), st.floats(0, 100), st.floats(0, 100))
def test_after_the_warm_up_the_rate_never_rises(step, first, second):
    early, late = sorted([first, second])
    assert budget_rate(MINUTE, step=step, spent_s=late) <= budget_rate(MINUTE, step=step, spent_s=early) + 1e-12


def test_without_a_budget_nothing_is_ever_spent():
    assert not is_spent(ScheduleConfig(), 1e9)
    assert not is_spent(MINUTE, 59.9)
    assert is_spent(MINUTE, 60)
    with pytest.raises(UsageError, match="cpu_minutes"):
        ScheduleConfig(cpu_minutes=-1)


class _Clock:
    """Every look at it is a second later."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def _counted(monkeypatch, spent_s_a_step=1.0):
    """Give every budget a clock that counts steps."""
    made = []

    def budget(schedule, spent_s):
        made.append(CpuBudget(schedule, spent_s, clock=_Clock()))
        return made[-1]

    monkeypatch.setattr("train.fitting.epochs.CpuBudget", budget)
    return made


def test_a_training_ends_within_an_epoch_when_the_budget_is_spent(tmp_path, tiny_faces, monkeypatch):
    _counted(monkeypatch)
    settings = ["schedule.epochs=50", "schedule.cpu_minutes=0.08", "schedule.watch=last"]
    fitted = fit(tiny_faces, tmp_path / "run", tiny_config(*settings))
    log = read_log(tmp_path / "run" / "log.csv")
    # 4.8 s: the first step is free, each other one takes a second of this clock, three are an epoch.
    assert log["steps"] == [3, 3]
    assert fitted.epochs == 2
    assert sum(log[COLUMN]) >= 4.8
    assert read_json(tmp_path / "run" / "config.json", what="run")["finished"]


def test_a_budget_that_is_cut_in_two_is_spent_once(tmp_path, tiny_faces, monkeypatch):
    _counted(monkeypatch)
    config = tiny_config("schedule.epochs=50", "schedule.cpu_minutes=0.2", "schedule.watch=last")
    seen = []

    def interrupted(self, epoch, logs=None):
        seen.append(epoch)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("train.fitting.callbacks.EpochStart.on_epoch_begin", _then(interrupted))
        with pytest.raises(KeyboardInterrupt):
            fit(tiny_faces, tmp_path / "run", config)
    before = spent_seconds(tmp_path / "run" / "log.csv", 1)
    assert 0 < before < 12
    fit(tiny_faces, tmp_path / "run", config)
    log = read_log(tmp_path / "run" / "log.csv")
    assert log[COLUMN][0] == before
    assert 12 <= sum(log[COLUMN]) < 13.5
    assert math.isfinite(log["loss"][-1])


def _then(extra):
    from train.fitting.callbacks import EpochStart

    original = EpochStart.on_epoch_begin

    def both(self, epoch, logs=None):
        original(self, epoch, logs)
        extra(self, epoch, logs)

    return both
