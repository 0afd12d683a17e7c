"""Everything that is told to the outside goes in here; from here on nothing can hold up or change a decision."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from edge_runtime.outside.delivery import Delivery
from edge_runtime.outside.notice import Notice, of_camera, of_decision

# What all places together get at the end for what is still under way.
_CLOSE_S = 5.0
# And then to be let go of.
_LEAVE_S = 2.0

_log = logging.getLogger(__name__)


class Outbox:
    """Hands each notice to all deliveries. It neither blocks nor raises."""

    def __init__(self, deliveries: Sequence[Delivery] = ()) -> None:
        """Begin.

        Args:
            deliveries: One for each place.
        """
        self._deliveries = tuple(deliveries)

    def decision(self, values: Mapping[str, Any]) -> None:
        """Tell a decision.

        Args:
            values: What :meth:`~edge_runtime.decisions.decide.Decision.to_dict` gives.
        """
        try:
            self._put(of_decision(values))
        except Exception:  # The decision stands, whatever becomes of its notice.
            _log.exception("a decision could not be told to the outside")

    def camera(self, words: str) -> None:
        """Tell what happened to the camera, in words."""
        try:
            self._put(of_camera(words))
        except Exception:
            _log.exception("an event of the camera could not be told to the outside")

    def close(self, timeout_s: float = _CLOSE_S) -> None:
        """Deliver what can be delivered at once, and let go of all places; takes little longer than the time-out."""
        end_s = time.monotonic() + timeout_s
        for delivery in self._deliveries:
            delivery.finish()
        try:
            for delivery in self._deliveries:
                delivery.wait(end_s - time.monotonic())
        finally:
            # After a second Ctrl-C as well: a pin must be switched off.
            leaving = [delivery.leave() for delivery in self._deliveries]
            end_s = time.monotonic() + _LEAVE_S
            for thread in leaving:
                thread.join(max(0.0, end_s - time.monotonic()))

    def _put(self, notice: Notice) -> None:
        for delivery in self._deliveries:
            delivery.put(notice)
