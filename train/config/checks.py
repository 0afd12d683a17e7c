"""What the sections of a configuration refuse."""

from __future__ import annotations

import math
from typing import Any

from edge_runtime.errors import UsageError


def section_name(section: Any) -> str:
    """What a recipe calls a section."""
    return type(section).__name__.removesuffix("Config").lower()


def within(section: Any, name: str, low: float, high: float) -> None:
    """Refuse a number outside [low, high]; None passes where the field allows it."""
    value = getattr(section, name)
    if value is not None and not (math.isfinite(value) and low <= value <= high):
        raise UsageError(f"{section_name(section)}.{name} must be from {low:g} to {high:g}, not {value!r}.")


def one_of(section: Any, name: str, known: tuple[str, ...]) -> None:
    """Refuse a word that is not known."""
    value = getattr(section, name)
    if value not in known:
        raise UsageError(f"{section_name(section)}.{name} must be one of {', '.join(known)}, not {value!r}.")
