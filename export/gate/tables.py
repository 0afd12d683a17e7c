"""What the gate measured, as a table for people and as plain values for the card and for ``--json``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from edge_runtime.measures.bootstrap import Interval
from edge_runtime.measures.metrics import OperatingPoint
from export.conversion.layers import LayerError
from export.conversion.recipes import RECIPES
from export.gate.judge import JUDGED_FAR
from export.gate.result import FARS, Change, GateResult, Separation

# More digits than the pairs can carry, fewer than a change of thread scheduling in the float tower can touch.
_DIGITS = 6


def evaluation_tables(result: GateResult) -> dict[str, Any]:
    """The gate's figures as plain values; rates are fractions, None where the pairs cannot tell."""
    change = result.change
    return {
        "converted": _separation_values(result.after),
        "target_fmr": result.target_fmr,
        "people": result.people,
        "pictures": result.pictures,
        "genuine_pairs": result.scores.genuine_pairs,
        "impostor_pairs": result.scores.impostor_pairs,
        "limits": asdict(result.limits),
    } | ({} if change is None else _change_values(change))


def _change_values(change: Change) -> dict[str, Any]:
    return {
        "float": _separation_values(change.before),
        "cosine_to_float": {
            "mean": _rounded(change.cosine_mean),
            "p5": _rounded(change.cosine_p5),
            "min": _rounded(change.cosine_min),
        },
        "eer_rise": _rounded(change.eer_rise),
        "tar_change": {f"{far:g}": _rounded(tar) for far, tar in zip(FARS, change.tar_changes, strict=True)},
        "threshold_shift": _rounded(change.threshold_shift),
        "bounds": _bounds_values(change),
    }


def _bounds_values(change: Change) -> dict[str, Any] | None:
    bounds = change.bounds
    if bounds is None:
        return None
    tars = zip(bounds.tar_at_far, change.tar_changes, strict=True)
    return {
        "eer_rise": _rounded_pair(bounds.eer),
        "tar_change": {f"{far:g}": None if tar is None else _rounded_pair(pair) for (far, pair), tar in tars},
        "confidence": 0.95,
        "resamples": bounds.resamples,
    }


def _rounded(value: float | None) -> float | None:
    # Adding zero takes the sign from minus zero.
    return None if value is None else round(value, _DIGITS) + 0.0


def _rounded_pair(interval: Interval) -> list[float]:
    return [round(value, _DIGITS) + 0.0 for value in interval]


def _separation_values(value: Separation) -> dict[str, Any]:
    return {
        "eer": _rounded(value.eer),
        "auc": _rounded(value.auc),
        "tar_at_far": {f"{far:g}": _rounded(tar) for far, tar in zip(FARS, value.tar_at_far, strict=True)},
        "threshold": _rounded(value.threshold),
    }


def gate_json(result: GateResult) -> dict[str, Any]:
    """The gate's figures and verdict, for ``--json``."""
    return evaluation_tables(result) | {
        "recipe": result.recipe,
        "passed": result.passed,
        "reasons": list(result.reasons),
    }


def gate_table(result: GateResult) -> str:
    """The gate as an aligned table."""
    head = (
        f"{result.pictures} pictures of {result.people} people: {result.scores.genuine_pairs} genuine and "
        f"{result.scores.impostor_pairs} impostor pairs"
    )
    if result.change is None:
        return "\n".join([head, "", *_aligned(_alone_rows(result))])
    rows = _change_rows(result, result.change)
    return "\n".join([head, "", *_aligned(rows), "", f"gate: {'passed' if result.passed else 'failed'}"])


def _alone_rows(result: GateResult) -> list[tuple[str, ...]]:
    after = result.after
    rows = [("EER", _percent(after.eer)), ("AUC", f"{after.auc:.5f}")]
    rows += [(_tar_name(far), _percent(tar)) for far, tar in zip(FARS, after.tar_at_far, strict=True)]
    rows.append((_threshold_name(result), f"{after.threshold:.4f}"))
    return [*rows]


def _change_rows(result: GateResult, change: Change) -> list[tuple[str, ...]]:
    before, after, limits, bounds = change.before, result.after, result.limits, change.bounds
    # A few people give no intervals.
    moved = "change in points (95 %)" if bounds else "change in points"
    rows: list[tuple[str, ...]] = [("", "float", result.recipe, moved, "limit")]
    eer = points_text(change.eer_rise, bounds.eer if bounds else None)
    rows.append(("EER", _percent(before.eer), _percent(after.eer), eer, f"rise ≤ {100 * limits.max_eer_rise:g}"))
    rows.append(("AUC", f"{before.auc:.5f}", f"{after.auc:.5f}", "", ""))
    for k, far in enumerate(FARS):
        tar = change.tar_changes[k]
        moved = "" if tar is None else points_text(tar, bounds.tar_at_far[k][1] if bounds else None)
        limit = f"fall ≤ {100 * limits.max_tar_drop:g}" if far == JUDGED_FAR else ""
        rows.append((_tar_name(far), _percent(before.tar_at_far[k]), _percent(after.tar_at_far[k]), moved, limit))
    shift = f"{round(change.threshold_shift, 4) + 0.0:+.4f}"
    rows.append((_threshold_name(result), f"{before.threshold:.4f}", f"{after.threshold:.4f}", shift, ""))
    rows.append(("cosine to float, mean", "", f"{change.cosine_mean:.5f}", "", f"≥ {limits.min_mean_cosine:g}"))
    rows.append(("cosine to float, p5", "", f"{change.cosine_p5:.5f}", "", f"≥ {limits.min_p5_cosine:g}"))
    rows.append(("cosine to float, lowest", "", f"{change.cosine_min:.5f}", "", ""))
    return rows


def _tar_name(far: float) -> str:
    return f"TAR at FAR {100 * far:g} %"


def _threshold_name(result: GateResult) -> str:
    return f"threshold at FMR {100 * result.target_fmr:g} %"


def points_text(value: float, interval: Interval | None) -> str:
    """A change of a rate in percentage points, with its interval."""
    bounds = "" if interval is None else f" ({100 * interval[0]:+.2f} to {100 * interval[1]:+.2f})"
    return f"{round(100 * value, 2) + 0.0:+.2f}{bounds}"


def layers_table(errors: Sequence[LayerError], *, most: int | None = None) -> str:
    """The layers that lose most, the worst first."""
    alone = any(layer.loss is not None for layer in errors)
    rows: list[tuple[str, ...]] = [("layer", "operator", "error in steps", "cosine lost by it alone" if alone else "")]
    for layer in errors[:most]:
        loss = "" if layer.loss is None else f"{layer.loss:.5f}"
        rows.append((layer.name, layer.operator, f"{layer.error:.2f}", loss))
    return "\n".join([*_aligned(rows), "(root mean square; rounding alone gives 0.29)"])


def thresholds_table(points: Sequence[OperatingPoint], *, default_fmr: float) -> str:
    """The solved thresholds as an aligned table."""
    rows = [("target FMR", "threshold", "measured FMR", "95 % upper bound", "FNMR", "")]
    for point in points:
        rows.append(
            (
                _percent(point.target_fmr),
                f"{point.threshold:.4f}",
                f"{_percent(point.fmr)} ({point.false_matches} of {point.impostor_pairs})",
                _percent(point.fmr_upper),
                _percent(point.fnmr),
                "default" if point.target_fmr == default_fmr else "",
            )
        )
    return "\n".join(_aligned(rows))


def recipes_table() -> str:
    """The known recipes with their limits, as text."""
    lines = []
    for recipe in RECIPES.values():
        limits = recipe.limits
        lines.append(f"{recipe.name:15} {recipe.purpose}")
        lines.append(
            f"{'':15} gate: mean cosine ≥ {limits.min_mean_cosine:g}, p5 ≥ {limits.min_p5_cosine:g}, EER rise ≤ "
            f"{100 * limits.max_eer_rise:g} points, TAR fall ≤ {100 * limits.max_tar_drop:g} points"
        )
    return "\n".join(lines)


def recipes_json() -> list[dict[str, Any]]:
    """The known recipes as plain values."""
    return [asdict(recipe) for recipe in RECIPES.values()]


def _percent(value: float | None) -> str:
    return "too few pairs" if value is None else f"{100 * value:.3g} %"


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
