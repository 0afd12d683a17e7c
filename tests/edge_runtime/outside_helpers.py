"""What the tests of the outside share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from edge_runtime.decisions.decide import Decision, Outcome
from edge_runtime.errors import DeliveryError
from edge_runtime.outside.delivery import Delivery
from edge_runtime.outside.notice import Notice, of_decision
from edge_runtime.outside.outbox import Outbox


def decision(outcome: Outcome = Outcome.ACCEPTED, person: str | None = "anna", **more: Any) -> Decision:
    return Decision(outcome=outcome, person=person, similarity=0.8, threshold=0.6, reason="match", **more)


def notice(person: str = "anna", outcome: Outcome = Outcome.ACCEPTED) -> Notice:
    return of_decision(decision(outcome, person).to_dict())


def eventually(holds: Callable[[], object], *, within_s: float = 30.0) -> None:
    """Wait until something holds; fail if it does not."""
    end_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end_s, "it did not come about"
        time.sleep(0.005)


def close(delivery: Delivery, within_s: float) -> None:
    """Close one delivery, as an outbox does."""
    Outbox([delivery]).close(within_s)


class Place:
    """A place outside that does what a test wants: it fails, hangs, refuses, and keeps what it gets."""

    name = "the test's place"

    def __init__(self, *, fails: int = 0, final: bool = False) -> None:
        self.got: list[Notice] = []
        self.attempts, self.kept, self.closed = 0, 0, 0
        self.fails, self.final = fails, final
        self.open = threading.Event()
        self.open.set()

    def send(self, notice: Notice) -> None:
        self.attempts += 1
        self.open.wait()
        if self.fails:
            self.fails -= 1
            raise DeliveryError("is not there.", final=self.final)
        self.got.append(notice)

    def keep(self) -> None:
        self.kept += 1

    def close(self) -> None:
        self.closed += 1

    @property
    def people(self) -> list[object]:
        return [notice.values.get("person") for notice in self.got]
