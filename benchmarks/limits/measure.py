"""Peaks and models timed in turn, so that whatever slows one slows all: seconds of the processor, one thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.limits.actions import Action

# Long enough that the clock's own steps do not matter.
_LEAST_S = 0.1
_SIDE = 1024
# Larger than any cache of a desktop's processor.
_LARGE_BYTES = 128_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Something that is done and timed.

    Attributes:
        action: Does it.
        amount: How much is done at once: multiply-accumulates, or bytes.
    """

    action: Action
    amount: float


def time_in_turn(
    things: Mapping[str, Timed], rounds: int, *, progress: Callable[[str], None] = lambda _: None
) -> dict[str, npt.NDArray[np.float64]]:
    """Time everything once a round.

    Args:
        things: What is timed, by name.
        rounds: How many rounds.
        progress: Told what is being done.

    Returns:
        For each, seconds of the processor for doing it once: float64 of shape (rounds,).
    """
    for thing in things.values():
        thing.action()
    times: dict[str, list[float]] = {name: [] for name in things}
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}")
        for name, thing in things.items():
            times[name].append(_seconds(thing.action))
    return {name: np.array(values) for name, values in times.items()}


def _seconds(action: Action) -> float:
    """Seconds of all of this process's threads for one action, on average over a moment.

    The processor's seconds and not the clock's: what others take from the core in between is not the model's.
    """
    done, start = 0, time.process_time()
    while (spent := time.process_time() - start) < _LEAST_S:
        action()
        done += 1
    return spent / done


def matrix_product() -> Timed:
    """A product of two float32 matrices by numpy's BLAS; the amount is multiply-accumulates."""
    rng = np.random.default_rng(0)
    first, second = (rng.uniform(-1, 1, (_SIDE, _SIDE)).astype(np.float32) for _ in range(2))
    into = np.empty_like(first)
    return Timed(action=lambda: np.matmul(first, second, out=into), amount=float(_SIDE**3))


def copying(held_bytes: int = _LARGE_BYTES) -> Timed:
    """A copy; the amount is the bytes that are read and those that are written.

    Args:
        held_bytes: Bytes of both together: what is small enough is copied from cache to cache.
    """
    length = max(1, held_bytes // 8)
    source, target = np.ones(length, np.float32), np.zeros(length, np.float32)
    return Timed(action=lambda: np.copyto(target, source), amount=2.0 * source.nbytes)


def triad() -> Timed:
    """``a = b + s·c`` in numpy's two steps; the amount is the bytes that both read and write."""
    a, b, c = (np.full(_LARGE_BYTES // 8, value, np.float32) for value in (0, 1, 2))

    def action() -> None:
        np.multiply(c, np.float32(3), out=a)
        np.add(a, b, out=a)

    return Timed(action=action, amount=5.0 * a.nbytes)
