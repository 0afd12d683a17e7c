"""What can happen to a live source, and how it is told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

_log = logging.getLogger(__name__)


class EventKind(str, Enum):
    """What happened."""

    OPENED = "opened"  # It was opened for the first time.
    LOST = "lost"  # It ended, or was pulled out.
    UNREACHABLE = "unreachable"  # It could not be opened again, or not yet.
    STALLED = "stalled"  # It is open, but gives no frame.
    STUCK = "stuck"  # The system does not come back from opening or reading it; it is left alone.
    FROZEN = "frozen"  # It gives the same picture over and over.
    BLACK = "black"  # It gives black pictures: a lens that is covered, or no light.
    RECOVERED = "recovered"  # It gives good frames again.

    @property
    def trouble(self) -> bool:
        """Whether it is bad news."""
        return self not in (EventKind.OPENED, EventKind.RECOVERED)

    @property
    def breaks(self) -> bool:
        """Whether the stream was interrupted: who stands there afterwards may be another person."""
        return self.trouble and self is not EventKind.BLACK


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEvent:
    """Something that happened to a source.

    Attributes:
        kind: What.
        source: Which source, without user, password and query.
        time_s: When, in stream time (see :attr:`edge_runtime.sources.frame.Frame.time_s`).
        detail: More of it, in words.
    """

    kind: EventKind
    source: str
    time_s: float
    detail: str

    @property
    def words(self) -> str:
        """One line for people."""
        return f"{self.source} {self.kind.value}: {self.detail}"


Listener: TypeAlias = Callable[[SourceEvent], None]


def tell(event: SourceEvent, listener: Listener | None) -> None:
    """Log an event and hand it to whoever listens; a listener that fails does not stop the camera."""
    _log.log(logging.WARNING if event.kind.trouble else logging.INFO, "%s", event.words)
    if listener is None:
        return
    try:
        listener(event)
    except Exception:
        _log.exception("the listener for events of %s failed", event.source)
