"""docs/architectures.md out of the results, by a template: the same JSON gives the same text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.architectures.frontier import pareto
from benchmarks.parts import render_page
from benchmarks.seeds.tables import markdown
from edge_runtime.errors import DataError

Results = dict[str, Any]


def make_page(results: Results | None) -> str:
    """The text of the page.

    Args:
        results: What was measured; None where nothing was yet.

    Raises:
        DataError: The results are damaged.
    """
    try:
        return render_page(Path(__file__).parent, _values(results) if results else {"rows": []})
    except (KeyError, TypeError, AttributeError, ZeroDivisionError, ValueError) as error:
        raise DataError(
            f"the results are damaged ({error!r}). Measure again: python -m benchmarks.architectures"
        ) from error


def _values(results: Results) -> Results:
    rows = sorted(results["candidates"], key=lambda row: row["ms"]["int8"]["median_ms"])
    points = {row["name"]: (row["ms"]["int8"]["median_ms"], row["int8"]["eer"]) for row in rows}
    best = min(rows, key=lambda row: row["int8"]["eer"])
    return {
        **results,
        "rows": rows,
        "front": pareto(points),
        "best": best,
        "losses": {row["name"]: 100 * (row["int8"]["eer"] - row["float32"]["eer"]) for row in rows},
        "accuracy": accuracy_table(rows, results["reference"], points),
        "costs": cost_table(rows, results["reference"]),
        "training": training_table(rows),
        "made": _made(results),
    }


def accuracy_table(rows: list[Results], reference: Results, points: dict[str, tuple[float, float]]) -> str:
    """How well each tells people apart after int8, the fastest first; those on the frontier in bold."""
    front = set(pareto(points))
    table = [["network", "int8 ms", "EER int8", "95 %", "EER float", "ROC AUC", "TAR at FAR 1 %", "TAR at FAR 0.1 %"]]
    for row in rows:
        held, name = row["int8"], f"`{row['name']}`"
        cells = [f"**{name}**" if row["name"] in front else name, f"{row['ms']['int8']['median_ms']:.2f}"]
        table.append([*cells, *_rates(held, _percent(row["float32"]["eer"]))])
    if "int8" in reference:
        cells = [f"`{reference['name']}`, as shipped", f"{reference['ms']['median_ms']:.2f}"]
        table.append([*cells, *_rates(reference["int8"], "–")])
    return markdown(table)


def _rates(held: Results, beside: str) -> list[str]:
    ends = "–" if held["eer_interval"] is None else " to ".join(_percent(end) for end in held["eer_interval"])
    tars = ["too few pairs" if at["value"] is None else f"{at['value']:.3f}" for at in held["tar"].values()]
    return [_percent(held["eer"]), ends, beside, f"{held['auc']:.4f}", *tars]


def cost_table(rows: list[Results], reference: Results) -> str:
    """What each costs."""
    table = [["network", "input", "parameters", "MACs, M", "int8 kB"]]
    table[0] += ["int8 ms", "p95", f"× `{reference['name']}`", "float ms", "p95", "cosine to float", "5th percentile"]
    for row in rows:
        ms, like = row["ms"], row["likeness"]
        numbers = [f"{row['parameters']:,}", f"{row['macs'] / 1e6:.0f}", f"{row['bytes']['int8'] / 1000:,.0f}"]
        times = [*_ms(ms["int8"]), f"{ms['int8']['median_ms'] / reference['ms']['median_ms']:.2f}", *_ms(ms["float32"])]
        size = f"{row['size_px']} px" + (" with margin" if row["faces"] == "wide" else "")
        table.append([f"`{row['name']}`", size, *numbers, *times, f"{like['mean']:.4f}", f"{like['p5']:.4f}"])
    ms = _ms(reference["ms"])
    table.append([f"`{reference['name']}`", "150 px with margin", "–", "–", "–", *ms, "1.00", "–", "–", "–", "–"])
    return markdown(table)


def training_table(rows: list[Results]) -> str:
    """What each was made of and what it had."""
    table = [["network", "made", "begins with", "batches", "pictures shown", "training, CPU s", "narrowing, CPU s"]]
    for row in rows:
        begins = "dlib's weights" if row["inherited"] else "random weights"
        solving = f"{row['start_seconds']:.0f}" if row["inherited"] else "–"
        numbers = [str(row["steps"]), f"{row['shown']:,}", f"{row['cpu_seconds']:.0f}", solving]
        table.append([f"`{row['name']}`", row["words"], begins, *numbers])
    return markdown(table)


def _ms(held: dict[str, float]) -> list[str]:
    return [f"{held['median_ms']:.2f}", f"{held['p95_ms']:.2f}"]


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _made(results: Results) -> str:
    """With what the figures were made, in a line."""
    machine = results["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    busy = results["busy_cores"]
    others = "" if busy is None else f"; while it timed, other work kept {busy:g} cores busy"
    return f"{machine['processor']}, {machine['cores']} cores, {versions}{others}"
