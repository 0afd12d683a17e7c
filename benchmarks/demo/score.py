"""Which decisions were right: the verifier's answers held against who was before the camera."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.demo.scene import Visit

# A decision belongs to a visit if it fell before the next one began.
_LATE_S = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One visitor, one question to the verifier, one answer.

    Attributes:
        visitor: Who was before the camera.
        claimed: Who they claimed to be; None where the verifier was to say who it is.
        genuine: Whether the right answer is to accept.
        outcome: What the verifier said; ``"no-decision"`` if it said nothing.
        person: Who was accepted.
        similarity: Mean similarity that was compared with the threshold.
        threshold: That threshold.
        ended_s: Stream time of the answer.
        decision: Which of all decisions it was, from 0; None without one.
    """

    visitor: str
    claimed: str | None
    genuine: bool
    outcome: str
    person: str | None
    similarity: float | None
    threshold: float | None
    ended_s: float
    decision: int | None

    @property
    def accepted(self) -> bool:
        """Whether somebody was accepted."""
        return self.outcome == "accepted"

    @property
    def false_accept(self) -> bool:
        """Accepted, but should not have been, or as somebody else."""
        return self.accepted and (not self.genuine or (self.claimed is None and self.person != self.visitor))

    @property
    def false_reject(self) -> bool:
        """Should have been accepted, but was not."""
        return self.genuine and not self.accepted


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Counts over some attempts."""

    attempts: int
    genuine: int
    impostor: int
    accepted: int
    rejected: int
    false_accepts: int
    false_rejects: int

    def to_dict(self) -> dict[str, int]:
        """The counts as plain values."""
        return asdict(self)


def match_visits(decisions: Iterable[dict[str, Any]], visits: list[Visit], *, claimed: str | None) -> list[Attempt]:
    """Give each visit the decision that fell during it.

    A visit with two decisions keeps the one that is worse for the verifier: an acceptance.

    Args:
        decisions: What ``siamlite verify`` or ``identify`` printed with ``--watch --json``.
        visits: Who came when.
        claimed: The claim; None for identification.
    """
    answers = list(decisions)
    attempts = []
    for visit in visits:
        mine = [n for n, a in enumerate(answers) if visit.start_s <= a["ended_s"] < visit.end_s + _LATE_S]
        mine.sort(key=lambda n: answers[n]["outcome"] != "accepted")
        answer = answers[mine[0]] if mine else None
        attempts.append(
            Attempt(
                visitor=visit.person,
                claimed=claimed,
                genuine=visit.known and claimed in (None, visit.person),
                outcome=answer["outcome"] if answer else "no-decision",
                person=answer["person"] if answer else None,
                similarity=answer["similarity"] if answer else None,
                threshold=answer["threshold"] if answer else None,
                ended_s=answer["ended_s"] if answer else visit.end_s,
                decision=mine[0] if mine else None,
            )
        )
    return attempts


def tally(attempts: list[Attempt]) -> Tally:
    """Count attempts by what they came to."""
    accepted = sum(attempt.accepted for attempt in attempts)
    genuine = sum(attempt.genuine for attempt in attempts)
    return Tally(
        attempts=len(attempts),
        genuine=genuine,
        impostor=len(attempts) - genuine,
        accepted=accepted,
        rejected=len(attempts) - accepted,
        false_accepts=sum(attempt.false_accept for attempt in attempts),
        false_rejects=sum(attempt.false_reject for attempt in attempts),
    )
