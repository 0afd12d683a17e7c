"""How good an enrolment is, for people and for programs."""

from __future__ import annotations

from typing import Any

from edge_runtime.gallery.enrol_checks import EnrolmentLimits, Goodness


def in_words(good: Goodness, limits: EnrolmentLimits) -> list[str]:
    """What is said of the samples, a line each."""
    lines = []
    if good.nearest is not None and good.nearest_similarity is not None:
        margin = "" if good.margin is None else f", {good.margin:.2f} less than the samples to each other"
        limit = "" if limits.duplicate is None else f"; one person from {limits.duplicate:.2f} on"
        lines.append(f"nearest other person: {good.nearest}, {good.nearest_similarity:.2f}{margin}{limit}")
    if limits.same is None:
        lines.append(
            "warning: this tower has no thresholds for this interpreter: nobody looked for duplicates or outliers. "
            "Give a --threshold that you measured yourself"
        )
    if good.expected_fnmr is not None:
        lines.append(f"expected FNMR of single frames: {good.expected_fnmr:.2g} ({_sources(good)})")
    return lines


def _sources(good: Goodness) -> str:
    said = []
    if good.fnmr_card is not None:
        said.append(f"the card's people {good.fnmr_card:.2g}")
    if good.fnmr_samples is not None:
        said.append(f"the scatter of these samples {good.fnmr_samples:.2g}")
    return ", ".join(said) + ("; the larger counts" if len(said) > 1 else "")


def in_values(good: Goodness, limits: EnrolmentLimits) -> dict[str, Any]:
    """The same as plain values."""
    return {
        "self_similarity": _rounded(good.self_similarity),
        "nearest": good.nearest,
        "nearest_similarity": _rounded(good.nearest_similarity),
        "margin": _rounded(good.margin),
        "duplicate_from": _rounded(limits.duplicate),
        "expected_fnmr": _rounded(good.expected_fnmr),
        "fnmr_card": _rounded(good.fnmr_card),
        "fnmr_samples": _rounded(good.fnmr_samples),
        "checked": limits.same is not None,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
