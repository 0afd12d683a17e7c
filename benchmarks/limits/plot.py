"""The roofline drawn: what is possible at so many products for each byte, and where the models are."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from edge_runtime.errors import MissingDependency
from edge_runtime.files import write_bytes

_COLOURS = {"int8": "tab:blue", "float32": "tab:orange"}
_G = 1e9


def draw_roofline(result: dict[str, Any], path: Path) -> Path:
    """Draw a result.

    Args:
        result: See :func:`benchmarks.limits.run.measure`.
        path: The ``.png`` to write.

    Raises:
        MissingDependency: matplotlib is not installed.
        WriteError: It cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependency("the roofline is drawn with matplotlib: make install") from error
    figure = Figure(figsize=(8, 5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    intensities = [model["work"]["intensity"] for model in result["models"]]
    low, high = min(0.25, *intensities) / 2, max(64.0, *intensities) * 2
    memory = result["memory"]["bytes_per_s"]
    bandwidth = max([memory, *(model["bytes_per_s"] for model in result["models"])])
    for numbers, peak in result["peaks"].items():
        ridge, top = peak["macs_per_s"] / bandwidth, peak["macs_per_s"] / _G
        label = f"{numbers}: {top:.0f} G/s ({peak['of']})"
        axes.plot([low, ridge, high], [low * bandwidth / _G, top, top], color=_COLOURS[numbers], label=label)
    axes.plot([], [], " ", label=f"cache, at the models' size: {bandwidth / _G:.1f} GB/s")
    slope = [low * memory / _G, high * memory / _G]
    label = f"memory: {memory / _G:.1f} GB/s ({result['memory']['of']})"
    axes.plot([low, high], slope, color="grey", linestyle=":", label=label)
    for model in result["models"]:
        at = model["work"]["intensity"], model["macs_per_s"] / _G
        axes.plot(*at, "o", color=_COLOURS[model["numbers"]])
        words = f"{model['name']}\n{model['share']['p50']:.0%}"
        axes.annotate(words, at, textcoords="offset points", xytext=(8, -6), va="top", fontsize=9)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(top=2 * max(peak["macs_per_s"] for peak in result["peaks"].values()) / _G)
    axes.set_xlabel("multiply-accumulates for each byte moved")
    axes.set_ylabel("10⁹ multiply-accumulates a second")
    axes.set_title(f"One thread of {result['machine']['processor']}, {result['interpreter']}")
    axes.grid(visible=True, which="both", alpha=0.25)
    axes.legend(loc="lower right")
    whole = io.BytesIO()
    figure.savefig(whole, format="png")
    return write_bytes(path, whole.getvalue())
