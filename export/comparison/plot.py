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
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import Bbox

# Okabe and Ito's colours, which the colour-blind tell apart too, from dark to light.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#a0522d", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_WIDE = 6.0
# A busy machine has a 95th percentile far beyond every median: the frame ends at this many times the largest.
_FRAME = 2.2
_MARK_AREA = (70.0, 600.0)


def plot_comparison(found: Comparison) -> bytes:
    """A PNG of :func:`draw_comparison`."""
    buffer = io.BytesIO()
    draw_comparison(found).canvas.print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


def draw_comparison(found: Comparison) -> Any:
    """EER over median latency, whiskers to the 95th percentile and over the EER's interval, areas by file size.

    Towers that are slower and worse than another are hollow; a dashed line joins those that none beats.

    Returns:
        A matplotlib figure with one annotation for each tower.
    """
    figure = Figure(figsize=(8.5, 5.8), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots()
    beaten = {one for one, _ in found.beaten}
    areas = _areas(found.entries)
    _draw_front([entry for entry in found.entries if entry.contender.name not in beaten], axes)
    for number, (entry, area) in enumerate(zip(found.entries, areas, strict=True)):
        _draw_tower(axes, entry, area, _colour(number), hollow=entry.contender.name in beaten)
    held = found.pictures
    figure.suptitle(f"Error against latency: {held.pictures} pictures of {held.people} people", fontsize=13)
    _dress(axes, found)
    canvas.draw()
    _label(axes, found.entries, areas)
    return figure


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


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
        axes.plot(*zip(*front, strict=True), color="#bbbbbb", linewidth=1.5, linestyle="--", zorder=1)


def _draw_tower(axes: Any, entry: Entry, area: float, colour: str, *, hollow: bool) -> None:
    x, y = entry.latency.median_ms, 100 * entry.accuracy.eer.value
    whiskers: dict[str, Any] = {"xerr": [[0.0], [max(0.0, entry.latency.p95_ms - x)]]}
    if entry.accuracy.eer.interval is not None:
        low, high = (100 * end for end in entry.accuracy.eer.interval)
        # Percentiles of resamples need not hold the estimate itself; a whisker has no negative length.
        whiskers["yerr"] = [[max(0.0, y - low)], [max(0.0, high - y)]]
    axes.errorbar(x, y, **whiskers, fmt="none", ecolor=colour, elinewidth=1.1, capsize=3, alpha=0.55, zorder=2)
    filling = "white" if hollow else colour
    # Small marks lie on large ones.
    order = 4 - area / (2 * _MARK_AREA[1])
    axes.scatter([x], [y], s=area, color=filling, edgecolors=colour, linewidths=1.8, alpha=0.9, zorder=order)


def _dress(axes: Any, found: Comparison) -> None:
    """Frame, scales and titles; logarithmic where the towers are more than six times apart."""
    times = [entry.latency.median_ms for entry in found.entries]
    late = max(entry.latency.p95_ms for entry in found.entries)
    cut = late > _FRAME * max(times)
    right = _FRAME * max(times) if cut else 1.08 * late
    if max(times) > _WIDE * min(times):
        axes.set_xscale("log")
        axes.set_xlim(min(times) / 1.5, right)
    else:
        axes.set_xlim(0, right)
    eers = [100 * entry.accuracy.eer.value for entry in found.entries]
    highest = max(max(eers), *(100 * (entry.accuracy.eer.interval or (0, 0))[1] for entry in found.entries))
    if min(eers) > 0 and max(eers) > _WIDE * min(eers):
        axes.set_yscale("log")
        axes.set_ylim(min(eers) / 2, 1.2 * highest)
    else:
        axes.set_ylim(0, 1.08 * highest or 1)
    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log":
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_formatter(NullFormatter())
    beyond = " (some beyond the frame)" if cut else ""
    axes.set_title("area: size of the file; hollow: slower and worse than another", fontsize=9, color="#555555")
    axes.set_xlabel(f"ms from crop to embedding: median, whisker to the 95th percentile{beyond}\n{_machine(found)}")
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
    scale = axes.figure.dpi / 72
    marks = [_mark_box(axes, entry, area, scale) for entry, area in zip(entries, areas, strict=True)]
    lines = [box for entry in entries for box in _whisker_boxes(axes, entry)]
    taken: list[Any] = []
    for number, (entry, mark, area) in enumerate(zip(entries, marks, areas, strict=True)):
        text = f"{entry.contender.name}\n{entry.contender.file_bytes / 1000:,.0f} KB"
        best: tuple[float, Any, Any] | None = None
        for offset, sides in _places(area):
            note = _annotate(axes, entry, text, offset, sides, _colour(number))
            box = text_box(note)
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


def text_box(note: Any) -> Any:
    """Where an annotation's text lies, in pixels of the figure, without the line that leads to it."""
    renderer = note.figure.canvas.get_renderer()
    note.update_positions(renderer)
    return Text.get_window_extent(note, renderer)


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


def _annotate(
    axes: Any, entry: Entry, text: str, offset: tuple[float, float], sides: tuple[str, str], colour: str
) -> Any:
    point = (entry.latency.median_ms, 100 * entry.accuracy.eer.value)
    far = np.hypot(*offset) > 28
    return axes.annotate(
        text,
        point,
        xytext=offset,
        textcoords="offset points",
        ha=sides[0],
        va=sides[1],
        fontsize=9,
        linespacing=1.15,
        color=colour,
        arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.8, "shrinkB": 0} if far else None,
        zorder=5,
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
    """How badly a name would lie: outside the axes worst, on a mark or a name next, on a whisker last."""
    out = box.x0 < inside.x0 or box.x1 > inside.x1 or box.y0 < inside.y0 or box.y1 > inside.y1
    return 10.0 * sum(box.overlaps(other) for other in solid) + 50.0 * out + sum(box.overlaps(other) for other in lines)
