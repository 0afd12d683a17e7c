"""What a bench measured as one picture: SVG, written by hand, because a device has no plotting library."""

from __future__ import annotations

from html import escape
from typing import Any

from edge_runtime.machine.state import MachineState, in_words

_WIDTH, _LEFT, _RIGHT = 860, 150, 96
_BAR, _GAP = 22, 12
_FONTS = "system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif"
_INK, _SOFT, _LINE = "#1f2933", "#66727f", "#e4e8ec"
_COLOURS = {
    "grab": "#8a97a6",
    "detect": "#2f6db5",
    "follow": "#5d8fd0",
    "align": "#3f9bb8",
    "embed": "#37966f",
    "match": "#b08a2e",
    "decide": "#a8598c",
    "whole frame": "#1f2933",
    "tracker on": "#6a5aa8",
}
_TRACKED = "tracker on"


def bench_svg(result: dict[str, Any]) -> str:
    """The stages with their p50, p95 and p99, the threads, the cold start and the machine, as an SVG picture.

    Args:
        result: What :func:`edge_runtime.machine.bench.measure` gave.
    """
    parts, y = _head(result)
    body, y = _stages({**result["stages"], _TRACKED: result["tracker"]["whole frame"]}, y)
    parts += body
    if result["threads"]:
        body, y = _threads(result["threads"], y + 34)
        parts += body
    body, y = _foot(result, y + 34)
    parts += body
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" width="{_WIDTH}" height="{y}" '
        f'font-family="{_FONTS}" font-size="14" fill="{_INK}">\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _text(x: float, y: float, words: str, **style: str) -> str:
    more = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in style.items())
    return f'<text x="{x:g}" y="{y:g}"{more}>{escape(words)}</text>'


def _bar(x: float, y: float, width: float, colour: str, opacity: float = 1.0) -> str:
    place = f'x="{x:.1f}" y="{y:g}" width="{max(1.0, width):.1f}" height="{_BAR}"'
    return f'<rect {place} rx="3" fill="{colour}" opacity="{opacity:g}"/>'


def _rule(x: float, y0: float, y1: float, colour: str = _LINE, width: float = 1) -> str:
    return f'<line x1="{x:.1f}" y1="{y0:g}" x2="{x:.1f}" y2="{y1:g}" stroke="{colour}" stroke-width="{width:g}"/>'


def _head(result: dict[str, Any]) -> tuple[list[str], int]:
    tower, frames, device = result["tower"], result["frames"], result["device"]
    first = f"{tower['name']} ({tower['recipe']}), {tower['detector']} detector, {_count(tower['threads'], 'thread')}"
    second = f"{tower['interpreter']} · {device['name']}"
    third = (
        f"{frames['timed']} frames of {frames['source']}, {frames['width']}×{frames['height']}, "
        f"{frames['with_face']} with a face · {result['frames_per_s']:g} frames a second, "
        f"{result['tracked_frames_per_s']:g} with the tracker"
    )
    lines = [
        _text(24, 38, "How long a frame takes", font_size="21", font_weight="600"),
        _text(24, 62, first, fill=_SOFT),
        _text(24, 82, second, fill=_SOFT),
        _text(24, 102, third, fill=_SOFT),
    ]
    return lines, 156


def _stages(stages: dict[str, dict[str, float]], top: int) -> tuple[list[str], int]:
    longest = max(times["p99_ms"] for times in stages.values())
    step, scale = _axis(longest)
    bottom = top + len(stages) * (_BAR + _GAP)
    parts = _grid(step, longest, scale, top, bottom)
    for number, (name, times) in enumerate(stages.items()):
        y = top + number * (_BAR + _GAP)
        colour = _COLOURS.get(name, _SOFT)
        weight = "600" if name in ("whole frame", _TRACKED) else "400"
        middle = y + _BAR / 2
        p50, p95, p99 = (_LEFT + times[key] * scale for key in ("p50_ms", "p95_ms", "p99_ms"))
        parts += [
            _text(_LEFT - 12, y + 16, name, text_anchor="end", font_weight=weight),
            _bar(_LEFT, y, p50 - _LEFT, colour, 0.9),
            f'<path d="M{p50:.1f} {middle:g}H{p99:.1f}" stroke="{colour}" stroke-width="1.5"/>',
            _rule(p95, y + 4, y + _BAR - 4, colour, 2.5),
            _rule(p99, y + 7, y + _BAR - 7, colour, 1.5),
            _text(max(p50, p99) + 8, y + 16, _ms(times["p50_ms"]), font_weight=weight),
        ]
    return parts, bottom + 34


def _grid(step: float, longest: float, scale: float, top: int, bottom: int) -> list[str]:
    parts = []
    for tick in range(int(longest / step) + 1):
        x = _LEFT + tick * step * scale
        parts += [
            _rule(x, top - 6, bottom),
            _text(x, bottom + 17, f"{tick * step:g}", fill=_SOFT, font_size="12", text_anchor="middle"),
        ]
    words = "milliseconds: the bar is p50, the marks p95 and p99"
    return [*parts, _text(_LEFT, top - 14, words, fill=_SOFT, font_size="12")]


def _threads(threads: dict[str, dict[str, dict[str, float]]], top: int) -> tuple[list[str], int]:
    parts = [_text(24, top, "Threads: p50 of a whole frame, in turn", font_size="16", font_weight="600")]
    longest = max(times["whole frame"]["p50_ms"] for times in threads.values())
    scale = (_WIDTH - _LEFT - _RIGHT) / longest
    y = top + 16
    for number, times in threads.items():
        parts.append(_text(_LEFT - 12, y + 16, _count(int(number), "thread"), text_anchor="end"))
        x = float(_LEFT)
        whole = times["whole frame"]["p50_ms"]
        shown = [(name, times[name]["p50_ms"]) for name in ("detect", "embed") if name in times]
        for name, ms in [*shown, ("rest", max(0.0, whole - sum(ms for _, ms in shown)))]:
            parts.append(_bar(x, y, ms * scale, _COLOURS.get(name, "#c3cbd3"), 0.9))
            x += ms * scale
        parts.append(_text(x + 8, y + 16, _ms(whole)))
        y += _BAR + _GAP
    return [*parts, _legend(y + 10)], y + 14


def _legend(y: float) -> str:
    parts, x = [], float(_LEFT)
    for name, colour in (("detect", _COLOURS["detect"]), ("embed", _COLOURS["embed"]), ("the rest", "#c3cbd3")):
        parts.append(f'<rect x="{x:g}" y="{y - 10:g}" width="12" height="12" rx="2" fill="{colour}"/>')
        parts.append(_text(x + 18, y, name, fill=_SOFT, font_size="12"))
        x += 90
    return "\n".join(parts)


def _foot(result: dict[str, Any], top: int) -> tuple[list[str], int]:
    parts = [_text(24, top, "The machine", font_size="16", font_weight="600")]
    for number, line in enumerate(machine_lines(result)):
        parts.append(_text(24, top + 24 + 20 * number, line, fill=_SOFT))
    return parts, top + 24 + 20 * len(machine_lines(result)) + 8


def machine_lines(result: dict[str, Any]) -> list[str]:
    """Cold start, memory, clock, temperature, throttling and power draw in words."""
    lines = []
    cold = result["cold_start"]
    if cold is not None:
        peak = "not available" if cold["peak_mb"] is None else f"{cold['peak_mb']:g} MB"
        lines.append(
            f"cold start to the first decision: {cold['cpu_s']:.2f} s of computing, {cold['wall_s']:.2f} s by the "
            f"clock (median of {len(cold['runs'])}); peak memory {peak}"
        )
    before, after = (in_words(MachineState(**result[name])) for name in ("before", "after"))
    changes = {name: old if old == after[name] else f"{old} → {after[name]}" for name, old in before.items()}
    lines.append(" · ".join(f"{name} {words}" for name, words in changes.items()))
    power = result.get("power")
    if power is not None:
        drawn = f"{power['before_w']:g} W before, {power['mean_w']:g} W while frames were timed"
        lines.append(f"power draw: {drawn} ({power['source']})")
    others = result["other_work_cores"]
    busy = "an unknown number of cores" if others is None else _count(others, "core")
    return [*lines, f"other processes kept {busy} busy meanwhile"]


def _axis(longest: float) -> tuple[float, float]:
    """A round step for the axis, and pixels for a millisecond."""
    step = 10.0**-3
    while longest / step > 8:
        step *= 2.5 if f"{step:e}"[0] == "2" else 2
    return step, (_WIDTH - _LEFT - _RIGHT) / longest


def _ms(value: float) -> str:
    return f"{value:.2f} ms" if value < 9.995 else f"{value:.1f} ms"


def _count(number: float, word: str) -> str:
    return f"{number:g} {word}{'' if number == 1 else 's'}"
