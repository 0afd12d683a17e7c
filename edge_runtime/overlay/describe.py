"""From what the verifier saw in a frame to what is drawn on it."""

from __future__ import annotations

from edge_runtime.decisions.decide import Decision
from edge_runtime.decisions.observe import Observation, SeenFace
from edge_runtime.decisions.visits import Standing
from edge_runtime.overlay.picture import FaceLabel, Overlay
from edge_runtime.overlay.words import outcome_words, reason_words, similarity_words


def overlay_of(
    seen: Observation, standing: dict[int, Standing], decision: Decision | None, *, threshold: float
) -> Overlay:
    """What is drawn on a frame.

    Args:
        seen: What was observed in it.
        standing: How it stands with the tracks in view.
        decision: The decision that stands, if there is one.
        threshold: Lowest similarity that is accepted.
    """
    labels = [_label(face, standing.get(face.track), decision) for face in seen.faces]
    headline, detail, state = _headline(seen, standing, decision)
    return Overlay(
        # Whoever counts is the last to be hidden.
        faces=sorted(labels, key=lambda label: label.state == "other"),
        headline=headline,
        detail=detail,
        state=state,
        threshold=threshold,
        latency_ms=seen.latency_ms,
    )


def _headline(seen: Observation, standing: dict[int, Standing], decision: Decision | None) -> tuple[str, str, str]:
    if decision is not None:
        detail = similarity_words(decision)
        if not detail and decision.reason != decision.outcome.value:
            detail = reason_words(decision.reason, decision.advice)
        return outcome_words(decision), detail, "accepted" if decision.accepted else "rejected"
    if seen.problem is not None:
        return "Looking", reason_words(seen.problem, seen.advice), "looking"
    subject = seen.subject
    if subject is not None and subject.liveness is not None and subject.liveness.prompt is not None:
        return "Please move", subject.liveness.advice, "looking"
    under_way = next((one for one in standing.values() if one.decision is None), None)
    if under_way is None:
        return "Looking", "", "looking"
    return "Looking", f"{under_way.good_frames} of {under_way.wanted} good frames", "looking"


def _label(face: SeenFace, standing: Standing | None, decision: Decision | None) -> FaceLabel:
    landmarks = face.face.landmarks_px if face.fresh else None
    own = standing.decision if standing is not None else None
    if own is None and decision is not None and decision.track is not None and decision.track == face.track:
        own = decision
    if own is not None:
        name = own.person or (f"not {own.claimed}" if own.claimed else "unknown")
        state = "accepted" if own.accepted else "rejected"
        return FaceLabel(
            box_px=face.face.box_px, landmarks_px=landmarks, state=state, name=name, similarity=own.similarity
        )
    if not face.subject:
        return FaceLabel(box_px=face.face.box_px, landmarks_px=landmarks, state="other")
    nearest = face.nearest if standing is None else standing.nearest
    return FaceLabel(
        box_px=face.face.box_px,
        landmarks_px=landmarks,
        state="looking" if face.problem is None else "poor",
        name=f"{nearest}?" if nearest else "",
        similarity=face.similarity if standing is None else standing.similarity,
        reason="" if face.problem is None else reason_words(face.problem, face.advice),
        progress=None if standing is None else (standing.good_frames, standing.wanted),
    )
