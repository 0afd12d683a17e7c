"""The evidence of one attempt, frame by frame, until it is accepted, refused, or out of time."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edge_runtime.decisions.decide import Decision, Outcome
from edge_runtime.decisions.fuse import best_possible, fuse, judge
from edge_runtime.decisions.observe import SeenFace
from edge_runtime.decisions.policy import DecisionPolicy
from edge_runtime.errors import UsageError
from edge_runtime.faces.quality import Quality, quality_weight
from edge_runtime.liveness.policy import UNKNOWN, LivenessPolicy

_OUTCOMES = {"no-face": Outcome.NO_FACE, "several-faces": Outcome.SEVERAL_FACES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What an attempt is to find out.

    Attributes:
        names: The people that a face is compared with.
        threshold: Lowest fused similarity that is accepted.
        policy: How evidence becomes a decision.
        claimed: Who the person claims to be; None in identification.
        final: Is given each decision and gives back what it comes to; it may refuse, never accept.
        liveness: Whether it must be a person, and no picture of one.
    """

    names: tuple[str, ...]
    threshold: float
    policy: DecisionPolicy
    claimed: str | None = None
    final: Callable[[Decision], Decision] | None = None
    liveness: LivenessPolicy = field(default_factory=LivenessPolicy)


class Attempt:
    """The evidence of one attempt. All of it is of one track: with another track it begins anew.

    Attributes:
        track: The track that the evidence is of; None as long as there is none.
        decision: What it came to, once it has ended.
    """

    def __init__(self, question: Question) -> None:
        self.question = question
        self.track: int | None = None
        self.decision: Decision | None = None
        self._similarities: list[npt.NDArray[np.float32]] = []
        self._qualities: list[Quality] = []
        self._problems: Counter[tuple[str, str]] = Counter()
        self._latency: dict[str, list[float]] = {}
        self._frames = 0
        self._started_s: float | None = None
        self._ended_s = 0.0
        self._last_evidence_s = -np.inf
        self._photos = False
        self._liveness = UNKNOWN

    @property
    def good_frames(self) -> int:
        """Frames that count so far."""
        return len(self._similarities)

    def due(self, time_s: float) -> bool:
        """Whether a frame of this stream time would count."""
        policy = self.question.policy
        wanted = self.decision is None and len(self._similarities) < policy.frames
        return wanted and time_s - self._last_evidence_s >= policy.spacing_s - 1e-6

    def so_far(self) -> tuple[str, float] | None:
        """The nearest person and the fused similarity of the frames that count so far."""
        if not self._similarities:
            return None
        fused = fuse(self._similarities, self._weights(), self.question.policy)
        best = int(np.argmax(fused))
        return self.question.names[best], float(fused[best])

    def add(
        self,
        time_s: float,
        seen: SeenFace | None,
        *,
        problem: str | None = None,
        advice: str = "",
        photo: bool = False,
        latency_ms: Mapping[str, float] | None = None,
    ) -> Decision | None:
        """Take one frame.

        Args:
            time_s: Its stream time.
            seen: The face that counts in it, if one does.
            problem: Why the frame is no evidence, as a reason code.
            advice: What may be done about it.
            photo: Whether it is a photograph, which has no clock.
            latency_ms: Times of its stages.

        Returns:
            The decision, once there is enough evidence or no time left. An attempt has one; later frames give none.

        Raises:
            UsageError: The evidence is not finite.
        """
        if self.decision is not None:
            return None
        self._frames += 1
        self._photos = photo
        for stage, ms in (latency_ms or {}).items():
            self._latency.setdefault(stage, []).append(ms)
        start = time.perf_counter()
        ended = self.wait(time_s)
        if ended is None:
            self._count(time_s, seen, problem, advice)
            ended = self._enough() or self._out_of_time(time_s, at_once=True)
        self._latency.setdefault("decide", []).append((time.perf_counter() - start) * 1e3)
        return ended

    def wait(self, time_s: float) -> Decision | None:
        """Let time pass without a frame; the decision, if none is left or the clock went backwards."""
        if self.decision is not None:
            return None
        if not np.isfinite(time_s) or time_s < self._ended_s:
            return self._end(Outcome.FAULT, "clock-went-backwards", "the clock of the source went backwards")
        self._ended_s = time_s
        if self._started_s is None:
            self._started_s = time_s
        return self._out_of_time(time_s, at_once=False)

    def end_of_source(self) -> Decision:
        """No frame will follow: judge by the good frames there were, if any."""
        return self._compare() if self._similarities else self._without_enough(Outcome.NO_FACE)

    def fault(self, message: str) -> Decision:
        """Something broke: never an acceptance."""
        return self._end(Outcome.FAULT, "fault", message)

    def _count(self, time_s: float, seen: SeenFace | None, problem: str | None, advice: str) -> None:
        """Add a frame to the evidence, or its problem to the problems."""
        problem, advice = (problem, advice) if seen is None or problem is not None else (seen.problem, seen.advice)
        if problem is not None:
            self._problems[problem, advice] += 1
        elif seen is not None and seen.similarities is not None and seen.found is not None and seen.track:
            if not np.isfinite(seen.similarities).all():
                raise UsageError("no decision on evidence that is not finite.")
            if self.track not in (None, seen.track):
                self._problems["not-the-same-person", "one person at a time"] += 1
                self._similarities, self._qualities, self._last_evidence_s = [], [], -np.inf
                self._liveness = UNKNOWN
            self.track = seen.track
            if self.due(time_s):
                self._similarities.append(seen.similarities)
                self._qualities.append(seen.found.quality)
                self._last_evidence_s = time_s
        if seen is not None and seen.track and seen.track == self.track and seen.liveness is not None:
            self._liveness = seen.liveness

    @property
    def _may_match(self) -> bool:
        """Whether what is known of the face's liveness lets it be compared at all."""
        mode = self.question.liveness.mode
        return mode == "off" or self._liveness.live is True or (mode == "on" and self._liveness.live is None)

    def _enough(self) -> Decision | None:
        """The decision, if there are as many frames as are needed, or none of those to come could change it."""
        question = self.question
        if question.liveness.mode != "off" and self._liveness.live is False:
            return self._not_live()
        if not self._similarities or not self._may_match:
            return None
        if len(self._similarities) < question.policy.frames:
            possible = best_possible(self._similarities, self._weights(), question.policy)
            if np.isfinite(possible).all() and possible.max() >= question.threshold:
                return None
        return self._compare()

    def _out_of_time(self, time_s: float, *, at_once: bool) -> Decision | None:
        # Photographs have no clock: their time is only their number.
        elapsed_s = 0.0 if self._photos or self._started_s is None else time_s - self._started_s
        timeout_s = self.question.policy.timeout_s + self.question.liveness.extra_s
        over = elapsed_s > timeout_s or (at_once and elapsed_s >= timeout_s)
        return self._without_enough(Outcome.TIMEOUT) if over else None

    def _weights(self) -> list[float]:
        return [quality_weight(quality) for quality in self._qualities]

    def _compare(self) -> Decision:
        """The one comparison. Nothing else leads to an acceptance, and no picture of a person leads here."""
        question = self.question
        if not self._may_match:
            return self._not_live()
        verdict = judge(self._similarities, self._weights(), question.names, question.threshold, question.policy)
        return self._end(
            Outcome.ACCEPTED if verdict.accepted else Outcome.REJECTED,
            verdict.reason,
            nearest=verdict.nearest,
            similarity=verdict.similarity,
            margin=verdict.margin,
        )

    def _without_enough(self, unexplained: Outcome) -> Decision:
        """Time or frames ran out before there was enough evidence: say what stood in the way most often."""
        if self._similarities and not self._may_match:
            return self._not_live()
        if self._similarities:
            return self._end(Outcome.TIMEOUT, "too-few-good-frames", "look at the camera a little longer")
        if not self._problems:
            return self._end(unexplained, "too-few-good-frames" if self._frames else "no-frames")
        (problem, advice), _ = self._problems.most_common(1)[0]
        return self._end(_OUTCOMES.get(problem, Outcome.LOW_QUALITY), problem, advice)

    def _not_live(self) -> Decision:
        return self._end(Outcome.NOT_LIVE, self._liveness.reason, self._liveness.advice)

    def _end(
        self,
        outcome: Outcome,
        reason: str,
        advice: str = "",
        *,
        nearest: str | None = None,
        similarity: float | None = None,
        margin: float | None = None,
    ) -> Decision:
        decision = Decision(
            outcome=outcome,
            person=nearest if outcome is Outcome.ACCEPTED else None,
            similarity=similarity,
            threshold=self.question.threshold,
            reason=reason,
            advice=advice,
            nearest=nearest if self.question.claimed is None else None,
            claimed=self.question.claimed,
            margin=margin,
            track=None if nearest is None else self.track,
            good_frames=len(self._similarities),
            frames=self._frames,
            started_s=self._started_s or 0.0,
            ended_s=self._ended_s,
            quality=_medians([dataclasses.asdict(quality) for quality in self._qualities]),
            latency_ms={stage: _median(ms) for stage, ms in self._latency.items()},
        )
        self.decision = decision if self.question.final is None else _finally(self.question.final, decision)
        return self.decision


def _median(values: list[float]) -> float:
    """Numpy's and the standard library's medians load modules that take longer than the rest of a decision."""
    ordered, middle = sorted(values), len(values) // 2
    return float(ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2)


def _finally(final: Callable[[Decision], Decision], decision: Decision) -> Decision:
    after = final(decision)
    if after.accepted and after != decision:
        raise UsageError("what comes after a decision may refuse it, and never accept.")
    return after


def _medians(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: _median([row[name] for row in rows]) for name in rows[0]} if rows else {}
