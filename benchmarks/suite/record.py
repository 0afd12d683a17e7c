"""From what pytest-benchmark wrote of some passes to what is kept of a run: times, and ratios to the kernels.

A run is several passes, each a process of its own: what differs from process to process (where memory lies, what the
machine was doing) is in the spread of the passes, and in no single one of them.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError

# What is kept of the notes of a benchmark as it is.
_NOTES = ("what", "tower", "threads", "file_bytes", "peak_mb", "pictures", "accuracy")
CLOCKS = ("computed", "clock")


def condense(documents: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What the passes of a run say of each benchmark.

    Args:
        documents: For each pass, the JSON of pytest-benchmark with all data.

    Returns:
        For each benchmark, by its name: ``stage``, ``what``, ``calls``, ``rounds``; ``median_ms`` and ``p95_ms`` by the
        clock and ``computed_ms`` by the processor, of one call, over the rounds of all passes; ``ratio``, which has a
        figure for each pass by the processor (``computed``) and by the clock (``clock``); ``kernels``, the ratio by the
        processor to each kernel alone; and what else was noted.

    Raises:
        DataError: A document is not one of these suites.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    try:
        for document in documents:
            for one in document["benchmarks"]:
                found.setdefault(one["name"].removeprefix("test_"), []).append(one)
        return {name: _benchmark(passes) for name, passes in found.items()}
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DataError(f"these benchmarks were not timed beside the reference kernels ({error!r}).") from error


def _benchmark(passes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    last = passes[-1]
    notes = {key: one["extra_info"][key] for one in passes for key in _NOTES if key in one["extra_info"]}
    times = {clock: [_call_s(one, clock) for one in passes] for clock in CLOCKS}
    wall_ms = np.concatenate(times["clock"]) * 1e3
    return {
        "stage": last["fullname"].rpartition("/")[2].partition(".py")[0].removeprefix("test_"),
        **notes,
        "calls": last["extra_info"]["calls"],
        "rounds": int(wall_ms.size),
        "median_ms": _digits(float(np.median(wall_ms))),
        "p95_ms": _digits(float(np.percentile(wall_ms, 95))),
        "computed_ms": _digits(float(np.median(np.concatenate(times["computed"]))) * 1e3),
        "ratio": {
            clock: [_digits(pass_ratio(taken, _beside(one, clock))) for one, taken in zip(passes, held, strict=True)]
            for clock, held in times.items()
        },
        "kernels": {
            kernel: _digits(
                statistics.median(
                    pass_ratio(taken, _beside(one, "computed", (kernel,)))
                    for one, taken in zip(passes, times["computed"], strict=True)
                )
            )
            for kernel in last["extra_info"]["kernels_s"]
        },
    }


def pass_ratio(call_s: npt.NDArray[np.float64], visits_s: npt.NDArray[np.float64]) -> float:
    """The ratio of one pass: the median over its rounds of a round by the visits to the kernels on its two sides.

    Args:
        call_s: Seconds of a call in each round, shape (n,).
        visits_s: Seconds of the kernels at each visit, shape (n + 1,): before, between and after the rounds.

    Raises:
        ValueError: The shapes do not go together, or a visit took no time.
    """
    if visits_s.shape != (call_s.size + 1,) or not call_s.size or not (visits_s > 0).all():
        raise ValueError("one visit more than rounds is needed, and none that took no time")
    return float(np.median(call_s / ((visits_s[:-1] + visits_s[1:]) / 2)))


def _call_s(one: dict[str, Any], clock: str) -> npt.NDArray[np.float64]:
    data = one["stats"]["data"] if clock == "clock" else one["extra_info"]["computed_s"]
    return np.asarray(data, dtype=np.float64) / one["extra_info"]["calls"]


def _beside(one: dict[str, Any], clock: str, kernels: Iterable[str] | None = None) -> npt.NDArray[np.float64]:
    held = one["extra_info"]["kernels_s"]
    chosen = np.array([held[name] for name in (held if kernels is None else kernels)], dtype=np.float64)
    return np.asarray(chosen[:, :, 0 if clock == "clock" else 1].sum(axis=0))


def kernel_times(documents: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Median and p95 of each kernel over a whole run, in ms by the processor."""
    held: dict[str, list[float]] = {}
    for document in documents:
        for one in document["benchmarks"]:
            for name, visits in one["extra_info"]["kernels_s"].items():
                held.setdefault(name, []).extend(computed * 1e3 for _, computed in visits)
    return {
        name: {"median_ms": _digits(float(np.median(times))), "p95_ms": _digits(float(np.percentile(times, 95)))}
        for name, times in held.items()
    }


def _digits(value: float) -> float:
    """Four significant digits: more say nothing, and make the files long."""
    return float(f"{value:.4g}")
