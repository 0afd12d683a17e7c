"""How long to wait before the next attempt: twice as long each time, up to a limit, and never all at once."""

from __future__ import annotations

import random


class Backoff:
    """The pauses between attempts."""

    def __init__(self, *, first_s: float, max_s: float, chance: random.Random | None = None) -> None:
        """Begin.

        Args:
            first_s: The first pause.
            max_s: The longest.
            chance: Where the random part comes from.
        """
        self._first_s, self._max_s = first_s, max_s
        # Not for secrets: it only keeps many devices from knocking at the same moment.
        self._chance = chance or random.Random()
        self._next_s = first_s

    def next_s(self) -> float:
        """The next pause in seconds: half of its length to all of it, by chance."""
        pause_s = self._next_s
        self._next_s = min(self._max_s, 2 * pause_s)
        return pause_s * (1 - self._chance.random() / 2)

    def reset(self) -> None:
        """Begin anew, after the source has been well for a while."""
        self._next_s = self._first_s
