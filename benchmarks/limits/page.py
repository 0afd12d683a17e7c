"""The result as Markdown: a section of a page, and what the command prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_NOTES = """
*Share of the roof* is what a model reaches of what is possible at as many products for each byte as it has: the peak,
or the bytes where they allow less (Williams, Waterman and Patterson 2009). Products are those of convolutions and
matrices; bytes are what each operator reads and writes by itself. *GB/s* is a copy of as much as the model's weights
and largest layer take, which is from cache to cache where there is room for them. The peak is the fastest of what was
tried: numpy's matrix product, and stacks of equal convolutions run by the same interpreter; for int8 the latter alone.
It is what was reached here, not what a data sheet promises.
"""
_NAMES = {"embed": "one embedding (`accurate`)", "detect": "one detection (640×480)"}


def section(result: dict[str, Any]) -> str:
    """A section of a page.

    Args:
        result: What ``python -m benchmarks.limits`` wrote.

    Returns:
        Markdown that begins with a heading of the second level and ends with a line.
    """
    plot = "![The models under the roofline of this machine](../benchmarks/limits/roofline.png)"
    return f"## How far from the limit\n\n{plot}\n\n{make_report(result)}{_NOTES}"


def make_report(result: dict[str, Any]) -> str:
    """The section without its heading."""
    lines = [_machine(result), "", *_peaks(result), "", *_models(result)]
    if result["instructions"] is not None:
        lines += ["", *_instructions(result["instructions"])]
    return "\n".join(lines) + "\n"


def _machine(result: dict[str, Any]) -> str:
    other = result["other_work_cores"]
    busy = "" if other is None else f" Other processes kept {other:g} cores busy meanwhile."
    if (other or 0) > 0.5:
        busy += " So every rate is lower than on a quiet machine; a share is of what was possible in the same round."
    return (
        f"`python -m benchmarks.limits`, {result['machine']['processor']}, {result['interpreter']}, one thread, "
        f"{result['rounds']} rounds in which everything is timed in turn, in seconds of the processor.{busy}"
    )


def _peaks(result: dict[str, Any]) -> Iterator[str]:
    yield "| what this machine can do | median | the peak is |"
    yield "|---|---|---|"
    for numbers, peak in result["peaks"].items():
        tried = _tried(peak, 1e9, "G/s")
        yield f"| {numbers} multiply-accumulates | {peak['macs_per_s'] / 1e9:.1f} G/s | {tried} |"
    memory = result["memory"]
    yield f"| bytes from and to memory | {memory['bytes_per_s'] / 1e9:.1f} GB/s | {_tried(memory, 1e9, 'GB/s')} |"


def _tried(peak: dict[str, Any], unit: float, word: str) -> str:
    others = [f"{name} {rate / unit:.1f} {word}" for name, rate in peak["tried"].items() if name != peak["of"]]
    also = f" (also tried: {', '.join(others)})" if others else ""
    return f"{peak['of']}{also}"


def _models(result: dict[str, Any]) -> Iterator[str]:
    yield (
        "| model | numbers | 10⁶ multiply-accumulates | weights, MB | activations, MB | for each byte | GB/s | "
        "ms | share of the roof | 5 to 95 % of the rounds | limit |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for model in result["models"]:
        work, share = model["work"], model["share"]
        cells = [
            model["name"],
            model["numbers"],
            f"{work['macs'] / 1e6:.0f}",
            f"{work['weight_bytes'] / 1e6:.2f}",
            f"{work['activation_bytes'] / 1e6:.2f}",
            f"{work['intensity']:.1f}",
            f"{model['bytes_per_s'] / 1e9:.1f}",
            f"{model['ms']['p50']:.2f}",
            f"{share['p50']:.0%}",
            f"{share['p5']:.0%} to {share['p95']:.0%}",
            model["limited_by"],
        ]
        yield f"| {' | '.join(cells)} |"


def _instructions(runs: list[dict[str, Any]]) -> Iterator[str]:
    yield (
        "Instructions, counted by valgrind on this architecture; on aarch64 they were not counted "
        "(Debian's qemu 10.0.2 is built without plugins):"
    )
    yield ""
    head = [f"run {number}, other work {run['other_work_cores'] or 0:g} cores" for number, run in enumerate(runs, 1)]
    yield f"| | {' | '.join(head)} | largest difference |"
    yield f"|---|{'---|' * (len(runs) + 1)}"
    for place, first in enumerate(runs[0]["counts"]):
        counts = [run["counts"][place] for run in runs]
        values = [value for count in counts for value in (count["each"], count["again"])]
        spread = (max(values) - min(values)) / min(values)
        cells = [f"{count['each'] / 1e6:.3f} M" for count in counts]
        yield f"| {_NAMES.get(first['what'], first['what'])} | {' | '.join(cells)} | {spread:.2%} |"
