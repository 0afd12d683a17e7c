"""Rounds of a benchmark, with the reference kernels before, between and after them, by pytest-benchmark's own timer."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from benchmarks.suite.kernels import Reference, seconds_of

T = TypeVar("T")

# A round is as many calls as take this long: short enough that the machine is the same before it and after it, long
# enough that the clock costs nothing.
_ROUND_S = 1e-3
# What all rounds of a benchmark may take together, and how many there are of those that would take longer.
_BENCHMARK_S, _FEWEST, _MOST = 0.3, 5, 25
# The kernels take about this share of the time of a round, and at most so many turns.
_SHARE, _MOST_TURNS = 0.1, 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How something is timed.

    Attributes:
        calls: Calls in a round.
        rounds: Rounds that count.
        turns: Turns of the kernels between two rounds.
    """

    calls: int
    rounds: int
    turns: int


def plan_rounds(call_s: float, reference_s: float, *, calls: int | None = None, rounds: int | None = None) -> Plan:
    """Plan the rounds of something.

    Args:
        call_s: About how long one call takes.
        reference_s: About how long one turn of the kernels takes.
        calls: Calls in a round, if they are not to be as many as take a millisecond.
        rounds: Rounds, if they are not to be as many as there is time for.
    """
    call_s = max(call_s, 1e-8)
    in_round = max(1, math.ceil(_ROUND_S / call_s)) if calls is None else calls
    round_s = in_round * call_s
    turns = min(_MOST_TURNS, max(1, round(_SHARE * round_s / reference_s)))
    fitting = int(_BENCHMARK_S / (round_s + turns * reference_s))
    return Plan(calls=in_round, rounds=min(_MOST, max(_FEWEST, fitting)) if rounds is None else rounds, turns=turns)


class Timed:
    """What a benchmark calls instead of pytest-benchmark's fixture, which it uses."""

    def __init__(self, benchmark: Any, reference: Reference) -> None:
        self.benchmark = benchmark
        self._reference = reference

    @property
    def smoke(self) -> bool:
        """Whether everything is to be run once and nothing timed (``--benchmark-disable``)."""
        return bool(self.benchmark.disabled)

    def __call__(
        self, run: Callable[[], T], *, what: str, calls: int | None = None, rounds: int | None = None, **more: Any
    ) -> T:
        """Time something.

        Args:
            run: It.
            what: What it is, for people.
            calls: See :func:`plan_rounds`.
            rounds: See :func:`plan_rounds`.
            **more: Plain values that are kept with the times.

        Returns:
            What the last call gave.
        """
        self.note(what=what, **more)
        if self.smoke:
            return self.benchmark.pedantic(run)
        self._reference.begin()
        for _ in range(3):
            self._reference.visit()
        # The first call is slower than the others; where rounds are given one call is dear, and it will do.
        quickest_s = min(seconds_of(run)[1] for _ in range(1 if rounds else 4))
        plan = plan_rounds(quickest_s, self._reference.quickest_s(), calls=calls, rounds=rounds)
        self._reference.begin()
        held: list[T] = []
        computed_s: list[float] = []

        def all_calls() -> None:
            for _ in range(plan.calls - 1):
                run()
            held[:] = [run()]

        def visit() -> None:
            self._reference.visit(plan.turns)

        self.benchmark.pedantic(lambda: computed_s.append(seconds_of(all_calls)[1]), setup=visit, rounds=plan.rounds)
        visit()
        self.note(calls=plan.calls, computed_s=computed_s, kernels_s=self._reference.seconds)
        return held[0]

    def note(self, **more: Any) -> None:
        """Keep plain values with the times."""
        self.benchmark.extra_info.update(more)
