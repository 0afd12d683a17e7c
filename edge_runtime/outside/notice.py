"""What the outside is told: one decision, or something that happened to the camera, as plain values."""

from __future__ import annotations

import json
import math
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge_runtime.decisions.decide import Outcome

CAMERA = "camera"
OUTCOMES = tuple(outcome.value for outcome in Outcome)
KINDS = (*OUTCOMES, CAMERA)

# What may leave: nothing else of a decision does, whatever it has besides. There is no picture and no template in it.
_FIELDS: tuple[str, ...] = (
    *("outcome", "person", "similarity", "threshold", "reason", "advice", "nearest", "claimed", "margin", "track"),
    *("good_frames", "frames", "started_s", "ended_s", "quality", "latency_ms", "text"),
)
_NAMES = ("person", "nearest", "claimed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to be told.

    Attributes:
        kind: An outcome, or ``"camera"``.
        values: Its fields: text, numbers, None, and objects of numbers.
        made_s: When it was made, on the monotonic clock.
    """

    kind: str
    values: Mapping[str, Any]
    made_s: float

    @property
    def body(self) -> bytes:
        """One JSON object in UTF-8."""
        return json.dumps(self.values, ensure_ascii=False, allow_nan=False).encode()

    @property
    def number(self) -> str:
        """What tells it from all others: a receiver that gets it twice can see so."""
        return str(self.values["id"])

    def without_names(self) -> Notice:
        """The same, but nobody is named."""
        kept = {key: value for key, value in self.values.items() if key not in _NAMES}
        return Notice(kind=self.kind, values=kept, made_s=self.made_s)


def of_decision(decision: Mapping[str, Any]) -> Notice:
    """The notice of a decision.

    Args:
        decision: What :meth:`edge_runtime.decisions.decide.Decision.to_dict` gives.
    """
    return _notice(str(decision["outcome"]), decision)


def of_camera(words: str) -> Notice:
    """The notice of something that happened to the camera.

    Args:
        words: What :attr:`edge_runtime.sources.events.SourceEvent.words` gives.
    """
    return _notice(CAMERA, {"text": words})


def _notice(kind: str, given: Mapping[str, Any]) -> Notice:
    at = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    values: dict[str, Any] = {"id": uuid.uuid4().hex, "at": at, "event_type": kind}
    values |= {key: _plain(given[key]) for key in _FIELDS if key in given}
    return Notice(kind=kind, values=values, made_s=time.monotonic())


def _plain(value: Any) -> Any:
    """A value as it may leave: a number that is none becomes None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items() if isinstance(part, int | float)}
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        # Half of a surrogate pair has no UTF-8.
        return value.encode("utf-8", "replace").decode()
    return value if value is None or isinstance(value, int) else str(type(value).__name__)
