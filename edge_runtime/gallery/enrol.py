"""Collecting the samples of a person: from photographs, or from a camera over some seconds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from edge_runtime.errors import DataError, FaceError, UsageError
from edge_runtime.faces.finder import FaceFinder, FoundFace
from edge_runtime.gallery.store import Template
from edge_runtime.sources.camera import Frame
from edge_runtime.towers.tower import Tower


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentPolicy:
    """What is collected.

    Attributes:
        samples: Samples taken from a camera or a video. Of photographs all usable ones are taken.
        spacing_s: Least time between two samples, so that they differ.
        timeout_s: Time after which a camera enrolment is given up.
    """

    samples: int = 5
    spacing_s: float = 0.4
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        """Refuse a policy that could never be met."""
        if not isinstance(self.samples, int) or not 1 <= self.samples <= 50:
            raise UsageError(f"samples must be a whole number from 1 to 50, not {self.samples!r}.")
        if not 0 <= self.spacing_s <= 10 or not 0 < self.timeout_s <= 3600:
            raise UsageError("the spacing must be 0 to 10 s and the timeout 0 to 3600 s.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What was collected of one person.

    Attributes:
        templates: The samples.
        turned_away: How many frames gave no sample, by reason.
        self_similarity: Mean cosine similarity between the samples; None of a single one.
    """

    templates: list[Template]
    turned_away: dict[str, int] = field(default_factory=dict)
    self_similarity: float | None = None


def collect(
    frames: Iterable[Frame],
    finder: FaceFinder,
    tower: Tower,
    policy: EnrolmentPolicy,
    *,
    progress: Callable[[int, int, str], None] | None = None,
) -> Enrolment:
    """Collect the samples of the one person that a source shows.

    Args:
        frames: The source.
        finder: A face finder with the tower's crop size and template.
        tower: The tower.
        policy: What is collected.
        progress: Called after each frame with the samples so far, the samples wanted (0 if all there are), and an
            advice.

    Returns:
        At least one sample.

    Raises:
        FaceError: No frame shows one usable face, or a camera did not show enough of them in time.
    """
    templates: list[Template] = []
    turned_away: Counter[str] = Counter()
    next_sample_s = -np.inf
    photos = False
    for frame in frames:
        photos = frame.photo
        if not photos and frame.time_s >= policy.timeout_s:
            break
        if not photos and frame.time_s < next_sample_s:
            continue
        problem, advice, face = _one_face(finder.find(frame.image_rgb, photo=frame.photo))
        if face is None:
            turned_away[problem] += 1
        else:
            templates.append(_template(face, tower))
            next_sample_s = frame.time_s + policy.spacing_s
        if progress is not None:
            progress(len(templates), 0 if photos else policy.samples, advice)
        if not photos and len(templates) >= policy.samples:
            break
    if not templates or (not photos and len(templates) < policy.samples):
        raise FaceError(_too_few(len(templates), None if photos else policy.samples, turned_away))
    return Enrolment(templates=templates, turned_away=dict(turned_away), self_similarity=self_similarity(templates))


def self_similarity(templates: list[Template]) -> float | None:
    """Mean cosine similarity of all pairs of samples; None of a single one."""
    if len(templates) < 2:
        return None
    rows = np.stack([template.embedding for template in templates])
    return float((rows @ rows.T)[np.triu_indices(len(rows), k=1)].mean())


def _one_face(found: list[FoundFace]) -> tuple[str, str, FoundFace | None]:
    """Why a frame gives no sample, what to do about it, and the face if it gives one."""
    if not found:
        return "no-face", "look at the camera", None
    if len(found) > 1:
        return "several-faces", "one person at a time", None
    if found[0].problem is not None:
        return *found[0].problem, None
    return "", "", found[0]


def _template(face: FoundFace, tower: Tower) -> Template:
    return Template(
        embedding=tower.embed_one(face.crop_rgb),
        sharpness=face.quality.sharpness,
        interocular_px=face.quality.interocular_px,
        crop_rgb=face.crop_rgb,
    )


def _too_few(got: int, wanted: int | None, turned_away: Counter[str]) -> str:
    reasons = ", ".join(f"{reason} {count}×" for reason, count in turned_away.most_common()) or "no frames"
    need = "no picture shows one usable face" if wanted is None else f"only {got} of {wanted} samples could be taken"
    return f"{need} ({reasons}). Look straight at the camera in good light, alone. Nobody was enrolled."


def check_usable(enrolment: Enrolment) -> None:
    """Refuse samples that do not agree with each other at all.

    Raises:
        DataError: Their mean similarity is not above 0.
    """
    if enrolment.self_similarity is not None and enrolment.self_similarity <= 0:
        raise DataError("the samples do not resemble each other: are they all of one person? Nobody was enrolled.")
