"""What one frame gives: its faces, which of them counts, and how similar it is to whom."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.decisions.policy import DecisionPolicy
from edge_runtime.faces.detect import Face
from edge_runtime.faces.finder import FoundFace
from edge_runtime.gallery.match import Enrolled, person_similarities
from edge_runtime.images import Image
from edge_runtime.liveness.policy import Liveness

Embed: TypeAlias = Callable[[Image], npt.NDArray[np.float32]]

# Another face must be this much larger, or nearer to the centre, before it takes the place of the one that counts.
_STICKS = 1.25


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFace:
    """One face of a frame.

    Attributes:
        face: Where it is.
        track: Number of its track; 0 while it is not known whether it is still the person of that track.
        fresh: Whether it was detected in this frame, not followed.
        subject: Whether it is a face that counts.
        found: The face cut out and measured, if it is fresh.
        problem: Why it is no evidence (reason code), or None.
        advice: What the person before the camera may do.
        embedding: float32 of shape (d,), of length 1, if it was embedded.
        similarities: float32 of shape (people,), if it is evidence.
        nearest: The most similar person in this frame alone.
        similarity: How similar.
        liveness: Whether it is a person's, as far as that is known of its track; None where it is not asked.
    """

    face: Face
    track: int = 0
    fresh: bool = True
    subject: bool = False
    found: FoundFace | None = None
    problem: str | None = None
    advice: str = ""
    embedding: npt.NDArray[np.float32] | None = field(default=None, repr=False)
    similarities: npt.NDArray[np.float32] | None = None
    nearest: str | None = None
    similarity: float | None = None
    liveness: Liveness | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one frame gave.

    Attributes:
        problem: Why the frame is no evidence (reason code); None if it is, or if its faces were only followed.
        advice: What the person before the camera may do.
        faces: All faces.
        latency_ms: Time of each stage that ran.
    """

    problem: str | None
    advice: str = ""
    faces: tuple[SeenFace, ...] = ()
    latency_ms: dict[str, float] = field(default_factory=dict)

    @property
    def subject(self) -> SeenFace | None:
        """The face that counts; the first of them where all do."""
        return next((seen for seen in self.faces if seen.subject), None)

    @property
    def face(self) -> FoundFace | None:
        """The face that counts, or else the first one, cut out and measured; None if it was not."""
        first = self.subject or (self.faces[0] if self.faces else None)
        return None if first is None else first.found

    @property
    def similarities(self) -> npt.NDArray[np.float32] | None:
        """Similarities of the face that counts, float32 of shape (people,), if it is evidence."""
        return None if self.subject is None else self.subject.similarities


def choose(
    faces: Sequence[SeenFace], policy: DecisionPolicy, shape: tuple[int, ...], *, current: int | None = None
) -> Observation:
    """Say which faces count.

    Args:
        faces: All faces of a frame.
        policy: Says what happens where there are several.
        shape: (height, width, …) of the frame.
        current: Track of the face that counted last, which goes on doing so unless another is clearly preferable.
    """
    if not faces:
        return Observation(problem="no-face", advice="look at the camera")
    if policy.faces == "all" or len(faces) == 1:
        return _observation([replace(seen, subject=True) for seen in faces])
    if policy.faces == "exactly-one":
        return Observation(problem="several-faces", advice="one person at a time", faces=tuple(faces))
    costs = [_cost(seen.face, policy, shape) / (_STICKS if seen.track == current else 1) for seen in faces]
    best = int(np.argmin(costs))
    return _observation([replace(seen, subject=at == best) for at, seen in enumerate(faces)])


def _cost(face: Face, policy: DecisionPolicy, shape: tuple[int, ...]) -> float:
    """What is least for the face that counts: one over its size, or its distance from the centre."""
    if policy.faces == "largest":
        return 1 / max(face.area_px**0.5, 1e-6)
    left, top, right, bottom = face.box_px
    return float(np.hypot((left + right - shape[1]) / 2, (top + bottom - shape[0]) / 2))


def _observation(faces: list[SeenFace]) -> Observation:
    subjects = [seen for seen in faces if seen.subject]
    first = next((seen for seen in subjects if seen.problem is None), subjects[0])
    return Observation(problem=first.problem, advice=first.advice, faces=tuple(faces))


def fresh_faces(found: Sequence[FoundFace]) -> list[SeenFace]:
    """Faces that were detected in this frame, with what is wrong with their quality."""
    problems = [item.problem or (None, "") for item in found]
    return [
        SeenFace(face=item.face, found=item, problem=problem, advice=advice)
        for item, (problem, advice) in zip(found, problems, strict=True)
    ]


def compare(seen: SeenFace, embed: Embed, enrolled: Enrolled, latency_ms: dict[str, float]) -> SeenFace:
    """Embed a face that is good enough and compare it with the enrolled people.

    Args:
        seen: The face; without a crop, or with a problem, it is given back as it is.
        embed: Gives the embedding of a crop as the templates are kept.
        enrolled: The people.
        latency_ms: What the stages took is added to it.
    """
    if seen.found is None or seen.problem is not None:
        return seen
    start = time.perf_counter()
    embedding = embed(seen.found.crop_rgb)
    embedded = time.perf_counter()
    similarities = person_similarities(embedding, enrolled)
    best = int(np.argmax(similarities))
    latency_ms["embed"] = latency_ms.get("embed", 0.0) + (embedded - start) * 1e3
    latency_ms["match"] = latency_ms.get("match", 0.0) + (time.perf_counter() - embedded) * 1e3
    return replace(
        seen,
        embedding=embedding,
        similarities=similarities,
        nearest=enrolled.names[best],
        similarity=float(similarities[best]),
    )
