"""Reason codes as words for the people before the camera."""

from __future__ import annotations

from edge_runtime.decisions.decide import Decision

_OUTCOMES = {
    "accepted": "Accepted",
    "rejected": "Rejected",
    "no-face": "No face",
    "several-faces": "Several faces",
    "low-quality": "Not good enough",
    "timeout": "Out of time",
    "locked-out": "Locked out",
    "not-live": "Not a person",
    "fault": "Fault",
}
_REASONS = {
    "below-threshold": "not similar enough",
    "ambiguous": "too much like somebody else",
    "too-few-matches": "too few frames match",
    "no-face": "no face",
    "no-frames": "no frame came",
    "several-faces": "several faces",
    "face-too-small": "too far away",
    "face-cut-off": "cut off by the border",
    "too-flat": "no contrast",
    "looking-up-or-down": "looking up or down",
    "not-the-same-person": "the face changed",
    "too-few-good-frames": "too few good frames",
    "end-of-source": "the source ended",
    "timeout": "out of time",
    "clock-went-backwards": "the clock went back",
}


def reason_words(reason: str, advice: str = "") -> str:
    """A reason code in words, with the advice that goes with it."""
    words = _REASONS.get(reason, reason.replace("-", " "))
    return f"{words}: {advice}" if advice else words


def outcome_words(decision: Decision) -> str:
    """A decision as a headline."""
    words = _OUTCOMES.get(decision.outcome.value, decision.outcome.value)
    who = decision.person or decision.claimed
    return f"{words}: {who}" if who else words


def similarity_words(decision: Decision) -> str:
    """What was reached and what was needed; empty where nothing was compared."""
    if decision.similarity is None:
        return ""
    return f"similarity {decision.similarity:.2f}, needs {decision.threshold:.2f}"
