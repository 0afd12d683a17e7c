"""From the false match rate of one comparison to that of a whole attempt, and back."""

from __future__ import annotations

import math

from edge_runtime.errors import UsageError


def identification_rate(fmr: float, comparisons: int) -> float:
    """Share of strangers who are taken for somebody in a gallery: FPIR = 1 − (1 − FMR)^N (ISO/IEC 19795-1).

    It holds for comparisons that are independent; those of one face with several people are not quite. The sum N·FMR
    bounds it whatever depends on what (Boole).

    Args:
        fmr: False match rate of one comparison, 0 to 1.
        comparisons: How many people (or, if the best of several templates counts, templates) a face is compared with.

    Raises:
        UsageError: The numbers make no sense.
    """
    _check(fmr, comparisons)
    return 1.0 if fmr == 1 else -math.expm1(comparisons * math.log1p(-fmr))


def match_rate_for(rate: float, comparisons: int) -> float:
    """The false match rate that one of N comparisons may have so that all of them together keep to a rate: rate / N.

    By Boole's inequality, so however the comparisons depend on each other. For a low rate it is nearly the same as
    1 − (1 − rate)^(1/N), and never above it.

    Raises:
        UsageError: The numbers make no sense.
    """
    _check(rate, comparisons)
    return rate / comparisons


def frame_rate_for(rate: float, needed: int, frames: int) -> float:
    """The false match rate that one frame may have so that ``needed`` of ``frames`` matching frames keep to a rate.

    P(at least k of n match) ≤ n·FMR/k, however the frames depend on each other (Rüger 1978, Metrika 25, 171–178): of
    frames that are always alike it is FMR itself.

    Raises:
        UsageError: The numbers make no sense.
    """
    if not 1 <= needed <= frames:
        raise UsageError(f"no rate for {needed} of {frames} frames.")
    _check(rate, 1)
    return rate * needed / frames


def _check(rate: float, comparisons: int) -> None:
    if not 0 <= rate <= 1 or comparisons < 1:
        raise UsageError(f"no rate for {comparisons} comparisons at {rate}.")
