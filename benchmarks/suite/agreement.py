"""Two runs of the same code on one device, one of them with another core kept busy: which ratios can be quoted?"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WITHIN = 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A ratio in two runs.

    Attributes:
        name: The benchmark.
        first: Its ratio to the kernels in the first run.
        second: The same in the second run.
        apart: By how much the larger is above the smaller, as a fraction.
    """

    name: str
    first: float
    second: float
    apart: float

    @property
    def within(self) -> bool:
        """Whether they agree."""
        return self.apart <= WITHIN


def agreements(first: Mapping[str, Any], second: Mapping[str, Any], *, clock: str) -> list[Agreement]:
    """Every benchmark that both runs have, in the order of the first.

    Args:
        first: ``benchmarks`` of a run.
        second: ``benchmarks`` of another one.
        clock: ``"computed"`` or ``"clock"``.
    """
    found = []
    for name in first:
        if name in second:
            one, other = (statistics.median(run[name]["ratio"][clock]) for run in (first, second))
            apart = max(one, other) / min(one, other) - 1
            found.append(Agreement(name=name, first=one, second=other, apart=apart))
    return found
