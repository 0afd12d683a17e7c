"""The plot: error against milliseconds as full int8, and the frontier."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.architectures.frontier import pareto
from edge_runtime.files import write_bytes

_INHERITED, _RANDOM, _LINE = "#2166ac", "#b2182b", "#555555"


def draw(results: dict[str, Any], path: Path) -> Path:
    """Draw the EER of every candidate as int8 over its median time.

    Args:
        results: What :mod:`benchmarks.architectures.run` measured.
        path: The PNG file.

    Raises:
        WriteError: It cannot be written.
    """
    rows = results["candidates"]
    figure = Figure(figsize=(8, 5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    points = {row["name"]: (row["ms"]["int8"]["median_ms"], 100 * row["int8"]["eer"]) for row in rows}
    front = [points[name] for name in pareto(points)]
    axes.plot(*zip(*front, strict=True), color=_LINE, linestyle="--", linewidth=1.2, label="frontier", zorder=1)
    for inherited, colour, kind in ((True, _INHERITED, "narrowed"), (False, _RANDOM, "from random weights")):
        held = [row for row in rows if row["inherited"] is inherited]
        if held:
            _scatter(axes, held, points, colour, kind)
    axes.set_xlabel("median of one inference as int8, one thread (ms)")
    axes.set_ylabel("EER as int8 (%)")
    axes.set_title(f"{results['settings']['minutes']:g} minutes of training each: bars are 95 % intervals", fontsize=10)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    held_bytes = io.BytesIO()
    figure.savefig(held_bytes, format="png", metadata={"Software": None})
    return write_bytes(path, held_bytes.getvalue())


def _scatter(
    axes: Any, rows: list[dict[str, Any]], points: dict[str, tuple[float, float]], colour: str, kind: str
) -> None:
    """Points of one colour with their intervals and names."""
    x, y = zip(*(points[row["name"]] for row in rows), strict=True)
    ends = [[100 * end for end in row["int8"]["eer_interval"] or [row["int8"]["eer"]] * 2] for row in rows]
    reach = [[max(0.0, at - low) for at, (low, _) in zip(y, ends, strict=True)]]
    reach.append([max(0.0, high - at) for at, (_, high) in zip(y, ends, strict=True)])
    axes.errorbar(x, y, yerr=reach, fmt="o", color=colour, elinewidth=1, capsize=2, label=kind, zorder=2)
    for row, *place in zip(rows, x, y, strict=True):
        axes.annotate(row["name"], place, textcoords="offset points", xytext=(6, 5), fontsize=8)
