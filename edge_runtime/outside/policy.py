"""Which notices go to a place, how many wait for it and for how long."""

from __future__ import annotations

from dataclasses import dataclass

from edge_runtime.errors import UsageError
from edge_runtime.outside.notice import KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPolicy:
    """How a place is served.

    Attributes:
        on: Kinds of notices that it gets: outcomes, and ``"camera"``.
        names: Whether people are named.
        queue: Notices that wait at most; when one more comes, the oldest is dropped.
        max_age_s: A notice that is older than that, in seconds, is dropped: a door must not open minutes later.
        retry_first_s: First pause after a failure; each is twice as long as the one before, less a random part.
        retry_max_s: Longest pause.
    """

    on: tuple[str, ...] = KINDS
    names: bool = True
    queue: int = 100
    max_age_s: float = 60.0
    retry_first_s: float = 0.5
    retry_max_s: float = 30.0

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        unknown = next((kind for kind in self.on if kind not in KINDS), None)
        if unknown is not None or not self.on:
            raise UsageError(f"on takes some of {', '.join(KINDS)}, not {unknown or 'nothing'!r:.50}.")
        within("queue", self.queue, 1, 10_000)
        within("max_age_s", self.max_age_s, 0.1, 7 * 86_400)
        within("retry_first_s", self.retry_first_s, 0.01, 60)
        within("retry_max_s", self.retry_max_s, self.retry_first_s, 3600)


def within(name: str, value: float, low: float, high: float) -> None:
    """Refuse a number outside [low, high].

    Raises:
        UsageError: It is outside, or no number.
    """
    # A comparison with what is no number is never true.
    if not low <= value <= high:
        raise UsageError(f"{name} must be from {low:g} to {high:g}, not {value!r:.50}.")
