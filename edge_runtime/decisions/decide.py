"""From evidence to a decision. It fails closed: only one path leads to ``accepted``."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import UsageError


class Outcome(str, Enum):
    """What a verification came to. Everything but ``ACCEPTED`` is a refusal."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NO_FACE = "no-face"
    SEVERAL_FACES = "several-faces"
    LOW_QUALITY = "low-quality"
    FAULT = "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionPolicy:
    """How evidence becomes a decision.

    Attributes:
        frames: Good frames that are averaged before the one comparison with the threshold. A source that ends earlier
            is judged by the good frames that it had.
        spacing_s: Least stream time between two frames that count, so that they are not five times the same moment.
        timeout_s: Time after which an attempt without enough good frames is refused.
    """

    frames: int = 5
    spacing_s: float = 0.2
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        """Refuse a policy that could never decide."""
        if not isinstance(self.frames, int) or not 1 <= self.frames <= 100:
            raise UsageError(f"frames must be a whole number from 1 to 100, not {self.frames!r}.")
        if not 0 <= self.spacing_s <= 10:
            raise UsageError(f"the spacing must be from 0 to 10 seconds, not {self.spacing_s!r}.")
        if not 0 < self.timeout_s <= 3600:
            raise UsageError(f"the timeout must be more than 0 and at most 3600 seconds, not {self.timeout_s!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The end of one attempt.

    Attributes:
        outcome: What it came to.
        person: Who was accepted; None in every other outcome.
        similarity: Mean similarity to the claimed person, or to the nearest one; None without a comparison.
        threshold: Lowest similarity that would be accepted.
        reason: Code of the reason, such as ``"below-threshold"`` or ``"too-dark"``.
        advice: What the person before the camera may do; empty if nothing.
        nearest: In identification, the person with the highest similarity, accepted or not.
        claimed: In verification, who the person claimed to be.
        good_frames: Frames that were compared.
        frames: Frames that were looked at.
        started_s: Stream time at which the attempt began, in seconds.
        ended_s: Stream time at which it ended.
        latency_ms: Median time of each stage over the frames.
    """

    outcome: Outcome
    person: str | None
    similarity: float | None
    threshold: float
    reason: str
    advice: str = ""
    nearest: str | None = None
    claimed: str | None = None
    good_frames: int = 0
    frames: int = 0
    started_s: float = 0.0
    ended_s: float = 0.0
    latency_ms: dict[str, float] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Whether the person was accepted."""
        return self.outcome is Outcome.ACCEPTED

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain values for JSON; similarities rounded to 4 digits, times to 3."""
        values = dataclasses.asdict(self)
        values["outcome"] = self.outcome.value
        if self.similarity is not None:
            values["similarity"] = round(self.similarity, 4)
        values["threshold"] = round(self.threshold, 4)
        for name in ("started_s", "ended_s"):
            values[name] = round(values[name], 3)
        values["latency_ms"] = {stage: round(ms, 3) for stage, ms in self.latency_ms.items()}
        return values


def judge(
    similarities: Sequence[npt.NDArray[np.float32]], names: Sequence[str], threshold: float
) -> tuple[bool, str, float]:
    """The one comparison: the mean similarity over the frames against the threshold.

    Args:
        similarities: For each good frame, float32 of shape (people,).
        names: The people.
        threshold: Lowest mean similarity that is accepted.

    Returns:
        Whether the nearest person is accepted, their name, and their mean similarity.

    Raises:
        UsageError: There is no evidence, or it or the threshold is not finite.
    """
    if not len(similarities) or not len(names):
        raise UsageError("no decision without evidence.")
    mean = np.mean(np.stack(similarities), axis=0, dtype=np.float64)
    if mean.shape != (len(names),) or not np.isfinite(mean).all() or not np.isfinite(threshold):
        raise UsageError("no decision on evidence that is not finite.")
    best = int(np.argmax(mean))
    return bool(mean[best] >= threshold), names[best], float(mean[best])
