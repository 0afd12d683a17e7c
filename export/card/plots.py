"""The card's plots as SVG: error rates over each other, and how the similarities are spread. Numbers only, no words."""

from __future__ import annotations

import io
import os
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from edge_runtime.measures.metrics import OperatingPoint
from edge_runtime.towers.card import Card
from export.card.text import inner, number, share, whole

# Matplotlib wants a folder of its own for its font list; where home is read-only a temporary one does.
if not os.access(os.path.expanduser("~"), os.W_OK):
    os.environ.setdefault("MPLCONFIGDIR", tempfile.gettempdir())

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

_MAX_POINTS = 2000
_MAX_LINES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """Colours on a light or a dark page; genuine and impostor can be told apart by the colour-blind.

    Attributes:
        ink: Text and axes.
        faint: The grid.
        genuine: Pairs of one person, and the converted tower.
        impostor: Pairs of two people.
    """

    ink: str
    faint: str
    genuine: str
    impostor: str


LIGHT = Theme(ink="#3d4450", faint="#dfe3e8", genuine="#0969a2", impostor="#cf5a00")
DARK = Theme(ink="#c3cad3", faint="#343b45", genuine="#58b2e8", impostor="#f0985a")


def rates_svg(card: Card, theme: Theme) -> bytes | None:
    """FNMR over FMR on logarithmic axes (a DET curve), float and converted, with the card's thresholds.

    Returns:
        An SVG file; None if the card has no curve that can be drawn.
    """
    after = _curve(inner(card.evaluation, "curves", "converted"))
    if after is None:
        return None
    before = _curve(inner(card.evaluation, "curves", "float"))
    # Where no genuine pair is rejected a logarithmic axis has no place: half a pair stands for none.
    floor = 0.5 / max(whole(inner(card.evaluation, "genuine_pairs")) or 0, 10)
    figure, axes = _new(theme)
    if before:
        axes.plot(before[0], _above(before[1], floor), color=theme.ink, linestyle="--", linewidth=1.4, label="float")
    axes.plot(after[0], _above(after[1], floor), color=theme.genuine, linewidth=2.2, label="this file")
    shown = _places(card)
    for point in shown:
        default = point.target_fmr == card.default_fmr
        style = {"color": theme.genuine, "markerfacecolor": theme.genuine if default else "none", "markersize": 8}
        label = {"label": "default threshold"} if default else {}
        axes.plot([point.fmr], _above([point.fnmr], floor), "o", clip_on=False, zorder=3, **style, **label)
    axes.set(xscale="log", yscale="log", xlabel="FMR: impostor pairs accepted", ylabel="FNMR: genuine pairs rejected")
    axes.set_xlim(min([after[0][0], *(point.fmr for point in shown)]), 1)
    axes.set_ylim(floor * 0.9, 1)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: share(value)))
        axis.set_minor_formatter(NullFormatter())
    return _svg(figure, axes, theme)


def scores_svg(card: Card, theme: Theme) -> bytes | None:
    """Histograms of genuine and impostor similarities with the thresholds; the float tower's as lines.

    Returns:
        An SVG file; None if the card has no histogram that can be drawn.
    """
    edges = _numbers(inner(card.evaluation, "histograms", "edges"), -1.01, 1.01, rising=True)
    if edges is None or len(edges) < 3:
        return None
    figure, axes = _new(theme)
    for kind, colour in (("impostor", theme.impostor), ("genuine", theme.genuine)):
        held = _bars(inner(card.evaluation, "histograms", "converted", kind), edges)
        if held is None:
            return None
        axes.stairs(held, edges, fill=True, color=colour, alpha=0.45, label=kind)
        axes.stairs(held, edges, color=colour, linewidth=1.2)
        if (float_bars := _bars(inner(card.evaluation, "histograms", "float", kind), edges)) is not None:
            label = {"label": "float"} if kind == "genuine" else {}
            axes.stairs(float_bars, edges, color=theme.ink, linewidth=0.9, linestyle="--", **label)
    top = axes.get_ylim()[1] * 1.12
    for point in card.thresholds[:_MAX_LINES]:
        default = point.target_fmr == card.default_fmr
        axes.axvline(point.threshold, color=theme.ink, linewidth=1.6 if default else 0.8, alpha=0.9 if default else 0.6)
        text = f" {share(point.target_fmr)}"
        axes.text(point.threshold, top, text, color=theme.ink, fontsize=9, rotation=90, va="top", ha="right")
    axes.set(xlabel="cosine similarity; lines: thresholds by target FMR", ylabel="share of the pairs of the kind (%)")
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0, top)
    return _svg(figure, axes, theme)


def _places(card: Card) -> list[OperatingPoint]:
    """The operating points that have a place on logarithmic axes."""
    found = []
    for point in card.thresholds[:_MAX_LINES]:
        fmr, fnmr = number(point.fmr), number(point.fnmr)
        if fmr is not None and fnmr is not None and 1e-9 < fmr <= 1 and 0 <= fnmr <= 1:
            found.append(point)
    return found


def _curve(value: Any) -> tuple[list[float], list[float]] | None:
    """FMR and FNMR of a curve, or None for what is none."""
    fmr = _numbers(inner(value, "fmr"), 0, 1, rising=True)
    tar = _numbers(inner(value, "tar"), 0, 1)
    if fmr is None or tar is None or len(fmr) != len(tar):
        return None
    # The curve ends where no genuine pair is rejected any more.
    enough = next((at for at, share_accepted in enumerate(tar) if share_accepted >= 1), len(tar) - 1)
    kept = [(x, 1 - y) for x, y in zip(fmr[: enough + 1], tar[: enough + 1], strict=True) if x > 1e-9]
    return ([x for x, _ in kept], [y for _, y in kept]) if len(kept) > 1 else None


def _bars(value: Any, edges: list[float]) -> list[float] | None:
    """Counts as per cent of their sum."""
    counts = _numbers(value, 0, 1e15)
    if counts is None or len(counts) != len(edges) - 1 or not sum(counts):
        return None
    return [100 * one / sum(counts) for one in counts]


def _numbers(value: Any, low: float, high: float, *, rising: bool = False) -> list[float] | None:
    """A list of numbers in a range, or None for anything else."""
    if not isinstance(value, list) or not 2 <= len(value) <= _MAX_POINTS:
        return None
    found = [number(one) for one in value]
    inside = [one for one in found if one is not None and low <= one <= high]
    if len(inside) < len(value):
        return None
    return None if rising and any(b <= a for a, b in pairwise(inside)) else inside


def _above(values: list[float], floor: float) -> list[float]:
    return [max(value, floor) for value in values]


def _new(theme: Theme) -> tuple[Any, Any]:
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.subplots()
    axes.patch.set_alpha(0)
    axes.grid(color=theme.faint, linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def _svg(figure: Any, axes: Any, theme: Theme) -> bytes:
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(theme.ink)
    axes.tick_params(which="both", colors=theme.ink, labelsize=10)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(color=theme.ink, fontsize=10.5)
    axes.legend(frameon=False, labelcolor=theme.ink, fontsize=10)
    buffer = io.BytesIO()
    # The same card gives the same file: no date, and names inside of it that do not change.
    with matplotlib.rc_context({"svg.hashsalt": "siamlite"}):
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()
