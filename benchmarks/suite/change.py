"""Has a benchmark become slower? One run against another of the same device, by their ratios to the reference kernels.

The rule. A run has one ratio for each pass, and its figure is their median. Its spread is how far the passes lie apart:
the natural logarithm of the highest by the lowest. The change is the logarithm of the new figure by the old one, and a
benchmark counts as slower if the change is above 10 % and above the spreads of both runs together. Then every new pass
is slower than every old one, which happens to five passes of equal code by chance once in 252 (the number of ways to
choose 5 of 10), and the change is larger than what a process alone makes.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from edge_runtime.errors import UsageError

LEAST_CHANGE = 0.10
Verdict = Literal["slower", "faster", "same", "new", "gone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of one benchmark.

    Attributes:
        name: It.
        before: Ratio to the kernels in the older run; None if it was not there.
        after: The same in the newer run; None if it is gone.
        change: By how much the second is above the first, as a fraction; None if one is missing.
        bound: The fraction that a change must be above.
        verdict: What that comes to.
    """

    name: str
    before: float | None
    after: float | None
    change: float | None
    bound: float | None
    verdict: Verdict

    def as_mapping(self) -> dict[str, Any]:
        """The values as JSON holds them."""
        return asdict(self)


def spread(ratios: Sequence[float]) -> float:
    """How far the passes of a run lie apart: the logarithm of the highest by the lowest."""
    return math.log(max(ratios) / min(ratios))


def judge_change(
    name: str, before: Sequence[float] | None, after: Sequence[float] | None, *, least: float = LEAST_CHANGE
) -> Change:
    """Compare the passes of one benchmark in two runs.

    Args:
        name: It.
        before: Ratio of each pass of the older run; None if it was not there.
        after: The same of the newer run.
        least: The least change that counts, as a fraction.

    Raises:
        UsageError: A run has fewer than three passes, whose spread says nothing, or ratios that are not above 0.
    """
    for ratios in (before, after):
        if ratios is not None and (len(ratios) < 3 or not all(0 < ratio < math.inf for ratio in ratios)):
            raise UsageError(f"{name}: three passes at least are needed, with ratios above 0, not {list(ratios)}.")
    if before is None or after is None:
        figures = [None if ratios is None else statistics.median(ratios) for ratios in (before, after)]
        verdict: Verdict = "new" if before is None else "gone"
        return Change(name=name, before=figures[0], after=figures[1], change=None, bound=None, verdict=verdict)
    old, new = statistics.median(before), statistics.median(after)
    change, bound = math.log(new / old), max(math.log1p(least), spread(before) + spread(after))
    verdict = "same" if abs(change) <= bound else "slower" if change > 0 else "faster"
    return Change(name=name, before=old, after=new, change=math.expm1(change), bound=math.expm1(bound), verdict=verdict)


def compare_runs(
    before: Mapping[str, Any], after: Mapping[str, Any], *, clock: str = "computed", least: float = LEAST_CHANGE
) -> list[Change]:
    """Compare all benchmarks of two runs.

    Args:
        before: ``benchmarks`` of the older run.
        after: ``benchmarks`` of the newer run.
        clock: ``"computed"``, which other processes do not add to, or ``"clock"``, which sees waiting as well.
        least: The least change that counts, as a fraction.

    Returns:
        Changes in the order of the newer run; what is gone comes last.

    Raises:
        UsageError: A run has too few passes.
    """
    names = [*after, *(name for name in before if name not in after)]
    return [
        judge_change(name, _ratios(before, name, clock), _ratios(after, name, clock), least=least) for name in names
    ]


def _ratios(run: Mapping[str, Any], name: str, clock: str) -> list[float] | None:
    return list(run[name]["ratio"][clock]) if name in run else None
