"""What an attempt came to. It fails closed: only one path leads to ``accepted``, and it is in ``attempt.py``."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Outcome(str, Enum):
    """What a verification came to. Everything but ``ACCEPTED`` is a refusal."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NO_FACE = "no-face"
    SEVERAL_FACES = "several-faces"
    LOW_QUALITY = "low-quality"
    NOT_LIVE = "not-live"
    TIMEOUT = "timeout"
    LOCKED_OUT = "locked-out"
    FAULT = "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The end of one attempt.

    Attributes:
        outcome: What it came to.
        person: Who was accepted; None in every other outcome.
        similarity: Fused similarity to the claimed person, or to the nearest one; None without a comparison.
        threshold: Lowest similarity that would be accepted.
        reason: Code of the reason, such as ``"below-threshold"`` or ``"too-dark"`` (all are in ``docs/decisions.md``).
        advice: What the person before the camera may do; empty if nothing.
        nearest: In identification, the person with the highest similarity, accepted or not.
        claimed: In verification, who the person claimed to be.
        margin: In identification, by how much the nearest person is nearer than the next.
        track: Number of the track that was judged; None without a comparison.
        good_frames: Frames that were compared.
        frames: Frames that were looked at.
        started_s: Stream time at which the attempt began, in seconds.
        ended_s: Stream time at which it ended.
        quality: Median of each property (:class:`edge_runtime.faces.quality.Quality`) over the compared frames.
        latency_ms: Median time of each stage over the frames in which it ran.
    """

    outcome: Outcome
    person: str | None
    similarity: float | None
    threshold: float
    reason: str
    advice: str = ""
    nearest: str | None = None
    claimed: str | None = None
    margin: float | None = None
    track: int | None = None
    good_frames: int = 0
    frames: int = 0
    started_s: float = 0.0
    ended_s: float = 0.0
    quality: dict[str, float] = field(default_factory=dict)
    latency_ms: dict[str, float] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Whether the person was accepted."""
        return self.outcome is Outcome.ACCEPTED

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain values for JSON; similarities rounded to 4 digits, times to 3."""
        values = dataclasses.asdict(self)
        values["outcome"] = self.outcome.value
        for name, digits in (("similarity", 4), ("threshold", 4), ("margin", 4), ("started_s", 3), ("ended_s", 3)):
            values[name] = None if values[name] is None else round(values[name], digits)
        for name in ("quality", "latency_ms"):
            values[name] = {part: round(value, 3) for part, value in values[name].items()}
        return values
