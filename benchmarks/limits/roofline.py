"""The roofline: what a machine could do at most of some work, and which share of it is done.

Williams, Waterman and Patterson 2009, "Roofline: an insightful visual performance model for multicore architectures",
Communications of the ACM 52(4).
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.limits.work import Work
from edge_runtime.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Roof:
    """What one core of a machine can do at most.

    Attributes:
        macs_per_s: Multiply-accumulates a second, of one type of numbers.
        bytes_per_s: Bytes that memory gives and takes a second.
    """

    macs_per_s: float
    bytes_per_s: float

    def __post_init__(self) -> None:
        """Refuse limits that are none."""
        if not (0 < self.macs_per_s < float("inf") and 0 < self.bytes_per_s < float("inf")):
            raise UsageError(f"a roof needs two rates above 0, not {self.macs_per_s} and {self.bytes_per_s}.")

    @property
    def ridge(self) -> float:
        """Multiply-accumulates for each byte from which on computing is the limit and not memory."""
        return self.macs_per_s / self.bytes_per_s

    def attainable(self, intensity: float) -> float:
        """Multiply-accumulates a second that are possible at so many for each byte."""
        return min(self.macs_per_s, self.bytes_per_s * intensity)


def share_of_roof(work: Work, seconds: float, roof: Roof) -> float:
    """Which share of what is possible is done: 0 to 1, and more where caches give what memory would not.

    Args:
        work: The work.
        seconds: The time that it takes.
        roof: What the machine can do.
    """
    return work.macs / seconds / roof.attainable(work.intensity)


def limited_by(work: Work, roof: Roof) -> str:
    """``"computing"`` or ``"memory"``."""
    return "computing" if work.intensity >= roof.ridge else "memory"
