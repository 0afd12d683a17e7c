"""Error against latency, one mark for each tower, drawn without a screen."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from export.comparison.result import Comparison, Entry

# Matplotlib wants a folder of its own for its font list; where home is read-only a temporary one does.
if not os.access(os.path.expanduser("~"), os.W_OK):
    os.environ.setdefault("MPLCONFIGDIR", tempfile.gettempdir())

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter
from matplotlib.transforms import Bbox

_BEST, _BEATEN, _FRONT = "#2166ac", "#9e9e9e", "#92c5de"
_WIDE = 6.0
_MARK_AREA = (70.0, 700.0)


def plot_comparison(found: Comparison) -> bytes:
    """A PNG: EER over median latency, whiskers to the 95th percentile and over the EER's interval, areas by file size.

    Towers that are slower and worse than another are grey; a thin line joins those that none beats.
    """
    figure = Figure(figsize=(8.5, 5.6), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots()
    beaten = {one for one, _ in found.beaten}
    _draw_front([entry for entry in found.entries if entry.contender.name not in beaten], axes)
    for entry, area in zip(found.entries, _areas(found.entries), strict=True):
        _draw_tower(axes, entry, area, _BEATEN if entry.contender.name in beaten else _BEST)
    _dress(axes, found)
    canvas.draw()
    _label(axes, found.entries, _areas(found.entries))
    buffer = io.BytesIO()
    canvas.print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


def _areas(entries: Sequence[Entry]) -> list[float]:
    """Areas of the marks in square points, proportional to the files' sizes as far as they stay visible."""
    sizes = np.array([entry.contender.file_bytes for entry in entries], dtype=np.float64)
    least, most = _MARK_AREA
    return [float(area) for area in np.maximum(most * sizes / sizes.max(), least)]


def _draw_front(entries: Sequence[Entry], axes: Any) -> None:
    points = sorted((entry.latency.median_ms, 100 * entry.accuracy.eer.value) for entry in entries)
    best, front = float("inf"), []
    for time, eer in points:
        if eer < best:
            best = eer
            front.append((time, eer))
    if len(front) > 1:
        axes.plot(*zip(*front, strict=True), color=_FRONT, linewidth=1.5, zorder=1)


def _draw_tower(axes: Any, entry: Entry, area: float, colour: str) -> None:
    x, y = entry.latency.median_ms, 100 * entry.accuracy.eer.value
    whiskers: dict[str, Any] = {"xerr": [[0.0], [max(0.0, entry.latency.p95_ms - x)]]}
    if entry.accuracy.eer.interval is not None:
        low, high = (100 * end for end in entry.accuracy.eer.interval)
        # Percentiles of resamples need not hold the estimate itself; a whisker has no negative length.
        whiskers["yerr"] = [[max(0.0, y - low)], [max(0.0, high - y)]]
    axes.errorbar(x, y, **whiskers, fmt="none", ecolor=colour, elinewidth=1.2, capsize=3, alpha=0.8, zorder=2)
    axes.scatter([x], [y], s=area, color=colour, alpha=0.85, edgecolors="white", linewidths=1.0, zorder=3)


def _dress(axes: Any, found: Comparison) -> None:
    """Scales, titles and grid: logarithmic where the towers are more than six times apart."""
    times = [entry.latency.median_ms for entry in found.entries]
    eers = [100 * entry.accuracy.eer.value for entry in found.entries]
    if max(times) > _WIDE * min(times):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_xlim(left=0)
    if min(eers) > 0 and max(eers) > _WIDE * min(eers):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(ScalarFormatter())
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(bottom=0)
    axes.margins(x=0.15, y=0.15)
    held = found.pictures
    axes.set_title(f"Error against latency: {held.pictures} pictures of {held.people} people", fontsize=13)
    axes.set_xlabel(f"ms from crop to embedding: median, whisker to the 95th percentile\n{_machine(found)}")
    axes.set_ylabel("EER in %, whiskers: 95 % interval over people")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _machine(found: Comparison) -> str:
    threads = f"{found.threads} thread" + ("s" if found.threads > 1 else "")
    busy = found.busy_cores
    shared = f", other work on {busy} cores" if busy else ""
    return f"{found.device}{shared}; {found.interpreter}, {threads}"


def _label(axes: Any, entries: Sequence[Entry], areas: Sequence[float]) -> None:
    """Write each tower's name where it covers no mark, no other name, and as few whiskers as may be."""
    renderer = axes.figure.canvas.get_renderer()
    scale = axes.figure.dpi / 72
    marks = [_mark_box(axes, entry, area, scale) for entry, area in zip(entries, areas, strict=True)]
    lines = [box for entry in entries for box in _whisker_boxes(axes, entry)]
    taken: list[Any] = []
    for entry, mark, area in zip(entries, marks, areas, strict=True):
        text = f"{entry.contender.name}\n{entry.contender.file_bytes / 1000:,.0f} KB"
        best: tuple[float, Any, Any] | None = None
        for offset, sides in _places(area):
            note = _annotate(axes, entry, text, offset, sides)
            box = note.get_window_extent(renderer)
            cost = _cost(box, [*taken, *marks], lines, axes.bbox) + 0.001 * np.hypot(*offset)
            if best is None or cost < best[0]:
                if best is not None:
                    best[1].remove()
                best = (cost, note, box)
            else:
                note.remove()
        if best is not None:
            taken.append(best[2])
        taken.append(mark)


def _places(area: float) -> Iterable[tuple[tuple[float, float], tuple[str, str]]]:
    """Offsets in points from the middle of a mark, near ones first, with the alignment that goes with each."""
    radius = np.sqrt(area / np.pi)
    for away in (4.0, 14.0, 30.0, 50.0, 75.0):
        reach = radius + away
        for right, up in ((1, 1), (1, -1), (-1, 1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1)):
            offset = (right * reach * (0.8 if up else 1.0), up * reach * (0.8 if right else 1.0))
            across = {1: "left", -1: "right", 0: "center"}[right]
            upright = {1: "bottom", -1: "top", 0: "center"}[up]
            yield offset, (across, upright)


def _annotate(axes: Any, entry: Entry, text: str, offset: tuple[float, float], sides: tuple[str, str]) -> Any:
    point = (entry.latency.median_ms, 100 * entry.accuracy.eer.value)
    far = np.hypot(*offset) > 45
    return axes.annotate(
        text,
        point,
        xytext=offset,
        textcoords="offset points",
        ha=sides[0],
        va=sides[1],
        fontsize=9,
        linespacing=1.15,
        arrowprops={"arrowstyle": "-", "color": "#666666", "linewidth": 0.7} if far else None,
        zorder=4,
    )


def _mark_box(axes: Any, entry: Entry, area: float, scale: float) -> Any:
    x, y = axes.transData.transform((entry.latency.median_ms, 100 * entry.accuracy.eer.value))
    radius = np.sqrt(area / np.pi) * scale
    return Bbox.from_extents(x - radius, y - radius, x + radius, y + radius)


def _whisker_boxes(axes: Any, entry: Entry) -> list[Any]:
    x, y = entry.latency.median_ms, 100 * entry.accuracy.eer.value
    low, high = (100 * end for end in entry.accuracy.eer.interval or (entry.accuracy.eer.value,) * 2)
    boxes = []
    for ends in (((x, y), (entry.latency.p95_ms, y)), ((x, low), (x, high))):
        (left, bottom), (right, top) = axes.transData.transform(ends)
        boxes.append(Bbox.from_extents(left - 4, bottom - 4, right + 4, top + 4))
    return boxes


def _cost(box: Any, solid: Sequence[Any], lines: Sequence[Any], inside: Any) -> float:
    """How badly a name would lie: on a mark or a name worst, outside the axes next, on a whisker last."""
    out = box.x0 < inside.x0 or box.x1 > inside.x1 or box.y0 < inside.y0 or box.y1 > inside.y1
    return 10.0 * sum(box.overlaps(other) for other in solid) + 5.0 * out + sum(box.overlaps(other) for other in lines)
