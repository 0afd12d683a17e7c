"""What the gate measured, as a table for people and as plain values for the card and for ``--json``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from edge_runtime.metrics import OperatingPoint
from export.conversion.recipes import RECIPES
from export.gate.judge import FARS, GateResult, Separation

# More digits than the pairs can carry, fewer than a change of thread scheduling in the float tower can touch.
_DIGITS = 6


def evaluation_tables(result: GateResult) -> dict[str, Any]:
    """The gate's figures as plain values; rates are fractions, None where the pairs cannot tell."""
    return {
        "float": _separation_values(result.before),
        "converted": _separation_values(result.after),
        "cosine_to_float": {
            "mean": round(result.cosine_mean, _DIGITS),
            "p5": round(result.cosine_p5, _DIGITS),
            "min": round(result.cosine_min, _DIGITS),
        },
        "eer_rise": round(result.eer_rise, _DIGITS) + 0.0,
        "threshold_shift": round(result.threshold_shift, _DIGITS) + 0.0,
        "target_fmr": result.target_fmr,
        "people": result.people,
        "pictures": result.pictures,
        "genuine_pairs": result.genuine_pairs,
        "impostor_pairs": result.impostor_pairs,
        "limits": asdict(result.limits),
    }


def _separation_values(value: Separation) -> dict[str, Any]:
    tars = {
        f"{far:g}": None if tar is None else round(tar, _DIGITS)
        for far, tar in zip(FARS, value.tar_at_far, strict=True)
    }
    return {
        "eer": round(value.eer, _DIGITS),
        "auc": round(value.auc, _DIGITS),
        "tar_at_far": tars,
        "threshold": round(value.threshold, _DIGITS),
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
    before, after, limits = result.before, result.after, result.limits
    rows = [("", "float", result.recipe, "limit")]
    rows.append(("EER", _percent(before.eer), _percent(after.eer), f"rise ≤ {100 * limits.max_eer_rise:g} points"))
    rows.append(("AUC", f"{before.auc:.5f}", f"{after.auc:.5f}", ""))
    for far, tar_before, tar_after in zip(FARS, before.tar_at_far, after.tar_at_far, strict=True):
        rows.append((f"TAR at FAR {100 * far:g} %", _percent(tar_before), _percent(tar_after), ""))
    rows.append(
        (f"threshold at FMR {100 * result.target_fmr:g} %", f"{before.threshold:.4f}", f"{after.threshold:.4f}", "")
    )
    rows.append(("cosine to float, mean", "", f"{result.cosine_mean:.5f}", f"≥ {limits.min_mean_cosine:g}"))
    rows.append(("cosine to float, 5th percentile", "", f"{result.cosine_p5:.5f}", ""))
    rows.append(("cosine to float, lowest", "", f"{result.cosine_min:.5f}", ""))
    head = (
        f"{result.pictures} pictures of {result.people} people: {result.genuine_pairs} genuine and "
        f"{result.impostor_pairs} impostor pairs"
    )
    return "\n".join([head, "", *_aligned(rows), "", f"gate: {'passed' if result.passed else 'failed'}"])


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
        lines.append(f"{recipe.name:8}  {recipe.purpose}")
        lines.append(
            f"{'':8}  gate: mean cosine ≥ {limits.min_mean_cosine:g}, EER rise ≤ {100 * limits.max_eer_rise:g} points, "
            f"{limits.min_genuine_pairs} genuine and {limits.min_impostor_pairs} impostor pairs"
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
