"""The pictures of docs/benchmarks.md, as SVG that is the same for the same run, and readable on light and on dark."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import matplotlib

from benchmarks.suite.tables import STAGES, of_stages, ratio, scored

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

# Greys and colours of middle brightness stand out from white and from black alike; the ground is left open.
_INK, _LINE = "#7d8590", "#7d859055"
_COLOURS = ("#3b82c4", "#2f9e77", "#c98a1b", "#c2559d", "#8b6fd6", "#d1605e")
_MARKERS = ("o", "s", "D", "^", "v", "P", "X", "<")
_STYLE = {
    "svg.hashsalt": "siamlite",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _LINE,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def stages_plot(run: Mapping[str, Any]) -> bytes:
    """Every stage's computing time as a bar on a logarithmic axis, coloured by stage.

    Args:
        run: A run that is kept.

    Returns:
        SVG.
    """
    shown = of_stages(run, [stage for stage in STAGES if stage not in ("train", "export")])[::-1]
    colours = {stage: _COLOURS[at % len(_COLOURS)] for at, stage in enumerate(STAGES)}
    with matplotlib.rc_context(_STYLE):
        drawn, axes = plt.subplots(figsize=(7.4, 0.22 * len(shown) + 0.8), layout="constrained")
        for at, (_, one) in enumerate(shown):
            axes.barh(at, one["computed_ms"], color=colours[one["stage"]], height=0.7)
            axes.text(one["computed_ms"] * 1.12, at, f"{ratio(one):.3g}", va="center", fontsize=7)
        axes.set_yticks(range(len(shown)), [name for name, _ in shown], fontsize=7)
        _log_axis(axes, (1,))
        axes.set(xlabel="computing, ms (behind the bar: ratio to the kernels)", ylim=(-0.6, len(shown) - 0.4))
        axes.margins(x=0.12)
        axes.grid(axis="y", visible=False)
        return _svg(drawn)


def towers_plot(run: Mapping[str, Any]) -> bytes:
    """Error against time of every tower that was scored; the area of a point is its file.

    Args:
        run: A run that is kept, with one scored tower at least.

    Returns:
        SVG.
    """
    with matplotlib.rc_context(_STYLE):
        drawn, axes = plt.subplots(figsize=(7.4, 3.6), layout="constrained")
        for at, one in enumerate(scored(run)):
            area = 12 + one["file_bytes"] / 5e4
            axes.scatter(
                one["computed_ms"], 100 * one["accuracy"]["eer"], s=area, color=_COLOURS[at % len(_COLOURS)],
                marker=_MARKERS[at % len(_MARKERS)], alpha=0.8, linewidths=0, clip_on=False, label=one["tower"],
            )  # fmt: skip
        _log_axis(axes, (1, 2, 5))
        axes.margins(x=0.15, y=0.15)
        axes.set(xlabel="computing of one embedding, ms", ylabel="EER, %", ylim=(0, None))
        # Points of recipes lie close together: names beside the plot do not cover one another.
        for handle in axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False).legend_handles:
            if isinstance(handle, PathCollection):
                handle.set_sizes([40])
        return _svg(drawn)


def _log_axis(axes: Axes, steps: tuple[int, ...]) -> None:
    """Make the horizontal axis logarithmic, with plain numbers at some steps of each decade."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=steps))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _svg(drawn: Figure) -> bytes:
    held = io.BytesIO()
    drawn.savefig(held, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    plt.close(drawn)
    return held.getvalue()
