"""Values of a card in words. A card is a stranger's text: anything may stand in any place of it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

from edge_runtime.commands.printable import printable

NONE = "–"
_MAX_WORDS = 600
_HASH = re.compile(r"[0-9a-f]{32,64}")


def inner(value: Any, *keys: str) -> Any:
    """What lies below some keys; None where something else than a mapping is in the way."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def words(value: Any, *, limit: int = _MAX_WORDS) -> str:
    """Any value as one line of plain text, cut where it becomes too long; a dash for nothing."""
    if value is None or value == "":
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    # Cut first: nobody waits for megabytes to be looked at.
    text = value[: 2 * limit] if isinstance(value, str) else json.dumps(value, ensure_ascii=False)[: 2 * limit]
    text = " ".join(printable(text).split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def number(value: Any) -> float | None:
    """A number that can be computed with; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e15 and math.isfinite(value) else None


def whole(value: Any) -> int | None:
    """A whole number from 0; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**15 else None


def count(value: Any) -> str:
    """A whole number with commas between the thousands: ``1,500``."""
    found = whole(value)
    return NONE if found is None else f"{found:,}"


def percent(value: Any) -> str:
    """A share as per cent, with two digits after the point and more for small ones."""
    share = number(value)
    if share is None:
        return NONE
    if not 0 <= share <= 1:
        return words(value)
    digits = 2 if share == 0 or share >= 1e-3 else 1 - math.floor(math.log10(share * 100))
    return f"{share * 100:.{min(digits, 8)}f} %"


def fixed(value: Any, digits: int = 4) -> str:
    """A number with some digits after the point."""
    found = number(value)
    return NONE if found is None else f"{found:.{digits}f}"


def points(value: Any, interval: Any = None) -> str:
    """A change of a rate in percentage points, with its interval if there is one: ``+0.12 (−0.40 to +0.65)``."""
    change = number(value)
    if change is None:
        return NONE
    ends = [number(end) for end in interval] if isinstance(interval, list | tuple) and len(interval) == 2 else []
    if not ends or None in ends:
        return _signed(change)
    return f"{_signed(change)} ({_signed(ends[0] or 0.0)} to {_signed(ends[1] or 0.0)})"


def _signed(share: float) -> str:
    # Rounded first, so that nothing is shown as minus zero.
    return f"{round(100 * share, 2) + 0.0:+.2f}".replace("-", "−")


def size(number_of_bytes: Any) -> str:
    """A size in KiB, exact in bytes."""
    found = whole(number_of_bytes)
    return NONE if found is None else f"{found / 1024:,.1f} KiB ({found:,} bytes)"


def is_hash(text: str) -> bool:
    """Whether a text is a hash, to be set in a fixed width."""
    return bool(_HASH.fullmatch(text))


def share(rate: Any) -> str:
    """A rate that somebody chose, such as a target, as per cent without needless digits: ``1 %``."""
    found = number(rate)
    return NONE if found is None else f"{100 * found:g} %"


def flat(value: Any, *, depth: int = 3, limit: int = 120) -> list[tuple[str, ...]]:
    """Nested mappings as rows of dotted names and values; what lies deeper is one value, what is None is left out."""
    rows: list[tuple[str, ...]] = []
    for key, held in _items(value):
        if held is None or held in ({}, []):
            continue
        if depth > 1 and isinstance(held, dict):
            rows += [(f"{words(key, limit=60)}.{row[0]}", row[1]) for row in flat(held, depth=depth - 1)]
        else:
            rows.append((words(key, limit=60), words(held, limit=200)))
    return shortened(rows, limit)


def _items(value: Any) -> list[tuple[Any, Any]]:
    return sorted(value.items()) if isinstance(value, dict) else []


def shortened(rows: Sequence[tuple[str, ...]], limit: int) -> list[tuple[str, ...]]:
    """The first rows, and how many more there are."""
    if len(rows) <= limit:
        return list(rows)
    rest = (f"… and {len(rows) - limit:,} more", *("" for _ in rows[0][1:]))
    return [*rows[:limit], rest]
