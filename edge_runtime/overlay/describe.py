"""From what the verifier saw in a frame to what is drawn on it."""

from __future__ import annotations

import numpy as np

from edge_runtime.decisions.decide import Decision
from edge_runtime.decisions.verifier import Observation, Verifier
from edge_runtime.overlay.picture import FaceLabel, Overlay
from edge_runtime.overlay.words import outcome_words, reason_words, similarity_words


def overlay_of(verifier: Verifier, seen: Observation, decision: Decision | None) -> Overlay:
    """What is drawn on a frame.

    Args:
        verifier: Who looked at it.
        seen: What was observed in it.
        decision: The decision that stands, if there is one.
    """
    if decision is not None:
        headline, detail = outcome_words(decision), similarity_words(decision)
        if not detail and decision.reason != decision.outcome.value:
            detail = reason_words(decision.reason, decision.advice)
        state = "accepted" if decision.accepted else "rejected"
    else:
        headline, detail, state = "Looking", reason_words(seen.problem, seen.advice) if seen.problem else "", "looking"
    faces = [_label(verifier, seen, decision, state)] if seen.face is not None else []
    return Overlay(
        faces=faces,
        headline=headline,
        detail=detail,
        state=state,
        threshold=verifier.threshold,
        latency_ms=seen.latency_ms,
    )


def _label(verifier: Verifier, seen: Observation, decision: Decision | None, state: str) -> FaceLabel:
    assert seen.face is not None
    name, similarity = "", None
    if seen.similarities is not None:
        best = int(np.argmax(seen.similarities))
        name, similarity = f"{verifier.enrolled.names[best]}?", float(seen.similarities[best])
    if decision is not None:
        name = decision.person or (decision.claimed and f"not {decision.claimed}") or "unknown"
        similarity = decision.similarity
    return FaceLabel(
        box_px=seen.face.face.box_px,
        landmarks_px=seen.face.face.landmarks_px,
        state="poor" if decision is None and seen.problem else state,
        name=name,
        similarity=similarity,
        reason=reason_words(seen.problem, seen.advice) if decision is None and seen.problem else "",
    )
