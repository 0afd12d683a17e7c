"""Reference kernels: fixed work that has nothing to do with siamlite, timed beside everything that is measured.

A ratio to them says how much slower or faster a stage is than the machine was at that moment. So it holds where
milliseconds do not: on a machine that is shared, that is hot, or that is another one of the same kind.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

if sys.platform != "win32":
    import resource

# By the clock, and by the processor: what other processes do meanwhile adds to the first alone.
Seconds: TypeAlias = tuple[float, float]

# Sizes that take some tenths of a millisecond on a desktop's core: the matrices stay in a core's own cache, the copy
# does not.
_FLOAT_SIDE, _INTEGER_SIDE, _COPIED_BYTES = 192, 64, 4 << 20


def make_kernels() -> dict[str, Callable[[], object]]:
    """The kernels: a product of float32 matrices (BLAS), one of integers (plain loops of numpy), and a copy."""
    rng = np.random.default_rng(0)
    floats = rng.normal(size=(_FLOAT_SIDE, _FLOAT_SIDE)).astype(np.float32)
    # Values of int8, summed in int32, as a quantized layer does.
    integers = rng.integers(-128, 128, (_INTEGER_SIDE, _INTEGER_SIDE), dtype=np.int32)
    source = rng.integers(0, 256, _COPIED_BYTES, dtype=np.uint8)
    float_out, integer_out, target = np.empty_like(floats), np.empty_like(integers), np.empty_like(source)
    return {
        "float": lambda: np.matmul(floats, floats, out=float_out),
        "integer": lambda: np.matmul(integers, integers, out=integer_out),
        "copy": lambda: np.copyto(target, source),
    }


def processor_s() -> float:
    """Seconds that this process and those it started and waited for have computed, on all cores."""
    if sys.platform == "win32":
        return time.process_time()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def seconds_of(run: Callable[[], object]) -> Seconds:
    """How long something takes, by the clock and by the processor."""
    computed, start = processor_s(), time.perf_counter()
    run()
    return time.perf_counter() - start, processor_s() - computed


@dataclass(slots=True, kw_only=True)
class Reference:
    """The kernels, and how long each took each time.

    Attributes:
        kernels: What is timed.
        seconds: For each kernel the mean of each visit.
    """

    kernels: Mapping[str, Callable[[], object]] = field(default_factory=make_kernels)
    seconds: dict[str, list[Seconds]] = field(default_factory=dict)

    def begin(self) -> None:
        """Forget what was timed."""
        self.seconds = {name: [] for name in self.kernels}

    def visit(self, turns: int = 1) -> None:
        """Time every kernel once, or several times in turn: beside a long round one short look says little."""
        taken: dict[str, list[Seconds]] = {name: [] for name in self.kernels}
        for _ in range(turns):
            for name, kernel in self.kernels.items():
                taken[name].append(seconds_of(kernel))
        for name, times in taken.items():
            wall, computed = zip(*times, strict=True)
            self.seconds[name].append((sum(wall) / turns, sum(computed) / turns))

    def quickest_s(self) -> float:
        """Seconds of computing of one turn of all kernels: for each the least of all visits."""
        return sum(min(computed for _, computed in times) for times in self.seconds.values())
