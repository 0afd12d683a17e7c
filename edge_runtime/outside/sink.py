"""What delivers notices to one place."""

from __future__ import annotations

from typing import Protocol

from edge_runtime.outside.notice import Notice


class Sink(Protocol):
    """One place outside. Its methods are called on a thread of its own, one at a time, but for :meth:`close`."""

    @property
    def name(self) -> str:
        """What messages call it; no password, no query."""

    def send(self, notice: Notice) -> None:
        """Deliver a notice; return only when it is delivered.

        Raises:
            DeliveryError: It was not; ``final`` says whether another attempt is of no use.
        """

    def keep(self) -> None:
        """Called at the beginning and whenever there has been nothing to deliver for a while: keep a connection up.

        Raises:
            DeliveryError: There is none.
        """

    def close(self) -> None:
        """Let go of everything and leave it in a safe state; may be called while :meth:`send` is under way."""
