"""When an attempt begins and ends: one alone, one for each visit, or one for each face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_runtime.decisions.attempt import Attempt, Question
from edge_runtime.decisions.decide import Decision
from edge_runtime.decisions.observe import Observation, SeenFace
from edge_runtime.sources.camera import Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How it stands with a track.

    Attributes:
        track: Its number.
        good_frames: Frames that count so far.
        wanted: Frames that are needed.
        similarity: Fused similarity so far; None without a good frame.
        nearest: To whom.
        decision: The decision on this track, once there is one.
    """

    track: int
    good_frames: int
    wanted: int
    similarity: float | None
    nearest: str | None
    decision: Decision | None


# The attempt of whoever counts, where it is not one for each track.
_ONE = 0


class Visits:
    """The attempts of one source.

    An attempt of a stream without end begins with the first frame that shows a face. After its decision the next one
    begins when no face was seen for a while, or, after an acceptance, when another person is seen instead. A single
    attempt begins with the first frame.
    """

    def __init__(self, question: Question, *, endless: bool) -> None:
        self._question = question
        self._endless = endless
        self._attempts: dict[int, Attempt] = {} if endless else {_ONE: Attempt(question)}
        self._last_face_s = -np.inf

    @property
    def current(self) -> int | None:
        """The track of whoever counts, where one does."""
        attempt = self._attempts.get(_ONE)
        return None if attempt is None else attempt.track

    def due(self, time_s: float) -> bool:
        """Whether a frame of this stream time would count in an attempt."""
        return any(attempt.due(time_s) for attempt in self._attempts.values())

    def open_attempt(self) -> Attempt:
        """An attempt that has no decision yet: one under way, or a new one."""
        return next((a for a in self._attempts.values() if a.decision is None), Attempt(self._question))

    def take(self, frame: Frame, seen: Observation, *, kept: set[int]) -> list[Decision]:
        """Give a frame to the attempts that it concerns.

        Args:
            frame: The frame.
            seen: What it gave.
            kept: Tracks that are in view or were lately.

        Returns:
            The decisions that fell.
        """
        if self._question.policy.faces == "all":
            return self._take_all(frame, seen, kept)
        ended = self._leave(frame.time_s) if not seen.faces else []
        if seen.faces:
            self._last_face_s = frame.time_s
            if self._endless and (_ONE not in self._attempts or self._is_another(seen.subject)):
                self._attempts[_ONE] = Attempt(self._question)
        attempt = self._attempts.get(_ONE)
        decision = None if attempt is None else _add(attempt, frame, seen, seen.subject)
        return ended if decision is None else [*ended, decision]

    def wait(self, time_s: float) -> list[Decision]:
        """Let stream time pass without a frame: attempts run out of time, and visits end."""
        ended = [decision for attempt in self._attempts.values() if (decision := attempt.wait(time_s)) is not None]
        return [*ended, *self._leave(time_s)]

    def end(self) -> list[Decision]:
        """The source has ended."""
        return [attempt.end_of_source() for attempt in self._attempts.values() if attempt.decision is None]

    def standing(self, seen: Observation) -> dict[int, Standing]:
        """How it stands with the tracks in view, by number."""
        in_view = {face.track for face in seen.faces}
        attempts = [attempt for attempt in self._attempts.values() if attempt.track in in_view - {0}]
        return {standing.track: standing for standing in map(_standing, attempts)}

    def _leave(self, time_s: float) -> list[Decision]:
        """Nobody is in view: after a while the visit is over."""
        # A clock that went backwards must not put off the next visit until it has caught up.
        self._last_face_s = min(self._last_face_s, time_s)
        if not self._endless or time_s - self._last_face_s < self._question.policy.rearm_s:
            return []
        ended = self.end()
        self._attempts.clear()
        return ended

    def _is_another(self, subject: SeenFace | None) -> bool:
        """Whether somebody else stands where a person was accepted.

        Not where one was refused: who looks unlike himself would have one attempt after the other.
        """
        attempt = self._attempts[_ONE]
        if subject is None or subject.similarities is None or attempt.decision is None or not attempt.decision.accepted:
            return False
        return subject.track != 0 and attempt.track is not None and subject.track != attempt.track

    def _take_all(self, frame: Frame, seen: Observation, kept: set[int]) -> list[Decision]:
        if seen.faces:
            self._last_face_s = frame.time_s
        decisions = []
        for face in seen.faces:
            if face.track:
                attempt = self._attempts.setdefault(face.track, Attempt(self._question))
                decisions.append(_add(attempt, frame, seen, face))
        for track in set(self._attempts) - {face.track for face in seen.faces}:
            # For whom the frame does not show, time passes all the same: out of time, or backwards.
            attempt = self._attempts[track]
            decisions.append(attempt.wait(frame.time_s))
            if frame.photo or track not in kept:
                decisions.append(attempt.end_of_source() if attempt.decision is None else None)
                del self._attempts[track]
        return [decision for decision in decisions if decision is not None]


def _add(attempt: Attempt, frame: Frame, seen: Observation, face: SeenFace | None) -> Decision | None:
    problem, advice = (seen.problem, seen.advice) if face is None else (face.problem, face.advice)
    return attempt.add(
        frame.time_s, face, problem=problem, advice=advice, photo=frame.photo, latency_ms=seen.latency_ms
    )


def _standing(attempt: Attempt) -> Standing:
    nearest, similarity = attempt.so_far() or (None, None)
    return Standing(
        track=attempt.track or 0,
        good_frames=attempt.good_frames,
        wanted=attempt.question.policy.frames,
        similarity=similarity,
        nearest=nearest,
        decision=attempt.decision,
    )
