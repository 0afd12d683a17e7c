"""The tables of docs/benchmarks.md, out of runs that are kept: the same JSON gives the same text."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.seeds.tables import markdown
from benchmarks.suite.agreement import Agreement
from benchmarks.suite.change import spread

Run = Mapping[str, Any]
# Stages in the order of a frame's way, and what they are called.
STAGES = {
    "decode": "decode",
    "detect": "detect",
    "align": "align and measure",
    "embed": "embed",
    "match": "match",
    "decide": "decide",
    "frame": "whole frame, cold start",
    "overlay": "draw",
    "train": "train",
    "export": "export",
}


def of_stages(run: Run, stages: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """The benchmarks of some stages, by name, in the order of the stages, numbers in names by their size."""
    ordered = sorted(run["benchmarks"].items(), key=lambda item: natural(item[0]))
    return [(name, one) for stage in stages for name, one in ordered if one["stage"] == stage]


def natural(name: str) -> list[tuple[int, str]]:
    """What names are ordered by: "match[100]" comes before "match[10000]", and "x[640]" before "x[1280]"."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def ratio(one: Mapping[str, Any], clock: str = "computed") -> float:
    """The ratio of a benchmark to the kernels: the median over the passes."""
    return statistics.median(one["ratio"][clock])


def stage_table(run: Run, agreed: Mapping[str, Agreement]) -> str:
    """Every benchmark of the device's stages: times, ratio, how far the passes lie apart, agreement of two runs."""
    head = ["benchmark", "computing, ms", "by the clock, ms", "p95", "rounds", "ratio", "passes apart"]
    lines = [[*head, "loaded run"]]
    for name, one in of_stages(run, [stage for stage in STAGES if stage not in ("train", "export")]):
        times = [figure(one[key]) for key in ("computed_ms", "median_ms", "p95_ms")]
        apart = f"{math.expm1(spread(one['ratio']['computed'])):.0%}"
        lines.append(
            [f"`{name}`: {one['what']}", *times, str(one["rounds"]), figure(ratio(one)), apart, _agreed(agreed, name)]
        )
    return markdown(lines)


def _agreed(agreed: Mapping[str, Agreement], name: str) -> str:
    if name not in agreed:
        return "–"
    one = agreed[name]
    return figure(one.second) if one.within else f"**{figure(one.second)}**"


def accuracy_table(run: Run) -> str:
    """Towers with their size, their time and their error rates, all of one process."""
    lines = [["tower", "file, kB", "computing, ms", "ratio", "EER", "TAR at FMR 0.01", "at 0.001", "people", "pairs"]]
    for one in scored(run):
        found = one["accuracy"]
        pairs = f"{found['genuine_pairs']:,} / {found['impostor_pairs']:,}"
        size = f"{one['file_bytes'] / 1000:,.0f}"
        times = [figure(one["computed_ms"]), figure(ratio(one))]
        rates = [f"{found['eer']:.1%}", *(_percent(found["tar"][fmr]) for fmr in ("0.01", "0.001"))]
        lines.append([f"{one['tower']}", size, *times, *rates, str(found["people"]), pairs])
    return markdown(lines)


def scored(run: Run) -> list[dict[str, Any]]:
    """The benchmarks whose tower was scored, the smallest error first."""
    found = [one for one in run["benchmarks"].values() if "accuracy" in one]
    return sorted(found, key=lambda one: (one["accuracy"]["eer"], one["computed_ms"]))


def thread_table(run: Run) -> str | None:
    """Towers by number of threads: median by the clock, and p95; None if there was one thread only."""
    towers: dict[str, dict[int, Mapping[str, Any]]] = {}
    for one in run["benchmarks"].values():
        if one["stage"] == "embed" and "threads" in one:
            towers.setdefault(one["tower"], {})[one["threads"]] = one
    most = max((max(held) for held in towers.values()), default=1)
    if most == 1:
        return None
    lines = [["tower", *(f"{n} thread{'s' if n > 1 else ''}, ms (p95)" for n in range(1, most + 1))]]
    for tower, held in towers.items():
        if len(held) > 1:
            cells = [held.get(n) for n in range(1, most + 1)]
            lines.append(
                [tower, *("–" if c is None else f"{figure(c['median_ms'])} ({figure(c['p95_ms'])})" for c in cells)]
            )
    return markdown(lines)


def _clock(one: Mapping[str, Any] | None) -> str:
    return "–" if one is None else f"{figure(one['median_ms'])} ({figure(one['p95_ms'])})"


def desktop_table(run: Run) -> str | None:
    """Training and export; None if the run has neither."""
    lines = [["benchmark", "computing, s", "by the clock, s", "pictures a second of computing", "ratio"]]
    for name, one in of_stages(run, ("train", "export")):
        per_s = f"{one['pictures'] / one['computed_ms'] * 1e3:.1f}" if "pictures" in one else "–"
        times = [figure(one[key] / 1e3) for key in ("computed_ms", "median_ms")]
        lines.append([f"`{name}`: {one['what']}", *times, per_s, figure(ratio(one))])
    return markdown(lines) if len(lines) > 1 else None


def kernel_table(run: Run) -> str:
    """The kernels themselves."""
    lines = [["kernel", "median, ms", "p95, ms"]]
    lines += [[name, figure(one["median_ms"]), figure(one["p95_ms"])] for name, one in run["kernels"].items()]
    return markdown(lines)


def machine_lines(run: Run) -> dict[str, str]:
    """What a run says of its machine, in words."""
    versions = ", ".join(f"{name} {number}" for name, number in run["machine"]["versions"].items())
    others = [one["other_work_cores"] for one in run["passes"] if one["other_work_cores"] is not None]
    states = [one[when] for one in run["passes"] for when in ("before", "after")]
    degrees = [state["temperature_c"] for state in states if state["temperature_c"] is not None]
    throttled = sorted({word for state in states for word in state["throttled"] or ()})
    told = all(state["throttled"] is None for state in states)
    return {
        "versions": versions,
        "others": "not told" if not others else f"{min(others):g} to {max(others):g} cores",
        "governor": states[0]["governor"] or "not told",
        "temperature": f"{min(degrees):.0f} to {max(degrees):.0f} °C" if degrees else "not told",
        "throttled": "not told" if told else ", ".join(throttled) or "no",
        "minutes": f"{sum(one['seconds'] for one in run['passes']) / 60:.0f}",
    }


def proof_table(proof: Mapping[str, Any]) -> str:
    """What became of the benchmarks that were made slower on purpose."""
    lines = [["made slower on purpose", "change", "counts above", "verdict"]]
    for one in sorted(proof["slowed"], key=lambda one: natural(one["name"])):
        lines.append([f"`{one['name']}`", f"{one['change']:+.0%}", f"{one['bound']:.0%}", one["verdict"]])
    return markdown(lines)


def figure(value: float) -> str:
    """Three significant digits without an exponent."""
    if value == 0:
        return "0"
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(places, 7)}f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
