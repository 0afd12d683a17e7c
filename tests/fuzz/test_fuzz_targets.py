"""Every target of ``python -m benchmarks.fuzz`` in short, with the same inputs each time."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz_helpers import described, nearly
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.fuzz.choices import Choices, changed_bytes
from benchmarks.fuzz.contract import Attempt, Wrong, appetite, judge
from benchmarks.fuzz.galleries import hidden_words
from benchmarks.fuzz.targets import TARGETS
from edge_runtime.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
# What reaches native code that may end the process is tried in another one.
NATIVE = ("tower-model", "detector-onnx")
SHORT = settings(
    deadline=None, max_examples=25, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


@pytest.mark.parametrize("name", [name for name in TARGETS if name not in NATIVE])
def test_a_target_keeps_the_contract(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIAMLITE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SIAMLITE_TOWER", "")
    attempt, seeds = TARGETS[name].make(tmp_path), TARGETS[name].seeds(tmp_path)
    hidden = hidden_words()

    @SHORT
    @given(nearly(seeds))
    def keeps(data: bytes) -> None:
        found = judge(attempt, data, hidden=hidden, timed=False).finding
        assert found is None, described(found)

    keeps()


@pytest.mark.parametrize("name", NATIVE)
def test_a_native_target_keeps_it_in_a_process_of_its_own(name: str, tmp_path: Path) -> None:
    seeds, random_bytes = TARGETS[name].seeds(tmp_path), random.Random(7)
    files = []
    for number in range(25):
        seed = random_bytes.choice(seeds)
        files.append(tmp_path / f"case-{number}")
        files[-1].write_bytes(changed_bytes(Choices(random_bytes.randbytes(60)), seed))
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.fuzz.replay", "--untimed", name, *map(str, files)],
        cwd=ROOT, capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert ran.stdout.count('"finding": null') == len(files), ran.stdout


# Of these no seed is taken: nothing but the one pinned file, or the one right signature, is.
REFUSE_ALL = {"detector-pinned"}


@pytest.mark.parametrize("name", [name for name in TARGETS if name not in (*NATIVE, *REFUSE_ALL)])
def test_a_target_takes_some_of_its_seeds(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would prove nothing: everything is refused by a parser that reads nothing."""
    monkeypatch.setenv("SIAMLITE_HOME", str(tmp_path / "home"))
    attempt, seeds = TARGETS[name].make(tmp_path), TARGETS[name].seeds(tmp_path)
    outcomes = [judge(attempt, seed, timed=False) for seed in seeds]
    assert all(outcome.finding is None for outcome in outcomes), [o for o in outcomes if o.finding]
    if name not in ("trees", "commands"):
        assert not all(outcome.refused for outcome in outcomes)


def raises(error: BaseException) -> Attempt:
    def attempt(data: bytes) -> None:
        raise error

    return attempt


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("x"), "exception"),
        (SystemExit(1), "exception"),
        (MemoryError(), "memory"),
        (Wrong("another person"), "accepted"),
        (UsageError("two\nlines"), "message"),
        (UsageError("\x1b[2J"), "message"),
        (UsageError(""), "message"),
        (UsageError("x" * 5000), "message"),
        (UsageError("it is 0.25463"), "message"),
    ],
)
def test_the_contract_notices(error: BaseException, kind: str) -> None:
    found = judge(raises(error), b"", hidden=("0.25463",)).finding
    assert found is not None
    assert found.kind == kind


@pytest.mark.parametrize(
    ("seconds", "grown", "kind"), [(0.1, 1 << 20, None), (3.0, 0, "slow"), (0, 400 << 20, "memory")]
)
def test_the_contract_notices_hunger(seconds: float, grown: int, kind: str | None) -> None:
    found = appetite(seconds, grown)
    assert (None if found is None else found.kind) == kind


def test_the_contract_lets_a_refusal_and_a_right_answer_pass() -> None:
    refused, taken = judge(raises(UsageError("no.")), b""), judge(lambda data: None, b"")
    assert (refused.refused, refused.finding) == (True, None)
    assert (taken.refused, taken.finding) == (False, None)


@settings(deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=60), st.binary(max_size=200))
def test_changed_bytes_are_made_of_any_choices(choices: bytes, data: bytes) -> None:
    assert isinstance(changed_bytes(Choices(choices), data), bytes)
