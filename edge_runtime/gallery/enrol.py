"""Collecting the samples of a person: from photographs, or from a camera over some seconds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from edge_runtime.errors import DataError, EnrolmentRefused, UsageError
from edge_runtime.faces.finder import FaceFinder, FoundFace
from edge_runtime.gallery.enrol_checks import outliers
from edge_runtime.gallery.enrol_guide import Guide
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
        least: Lowest mean similarity of a sample to the others; None to take all.
        guided: Whether a camera asks for one pose of the head after the other.
    """

    samples: int = 5
    spacing_s: float = 0.4
    timeout_s: float = 30.0
    least: float | None = None
    guided: bool = False

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How an enrolment stands after a frame.

    Attributes:
        frame: The frame.
        face: Its face, if it has exactly one.
        got: Samples so far.
        wanted: Samples wanted; 0 if all there are.
        advice: What the person before the camera may do.
    """

    frame: Frame
    face: FoundFace | None
    got: int
    wanted: int
    advice: str


def collect(
    frames: Iterable[Frame],
    finder: FaceFinder,
    tower: Tower,
    policy: EnrolmentPolicy,
    *,
    progress: Callable[[Look], None] | None = None,
) -> Enrolment:
    """Collect the samples of the one person that a source shows.

    Args:
        frames: The source.
        finder: A face finder with the tower's crop size and template.
        tower: The tower.
        policy: What is collected.
        progress: Called after each frame.

    Returns:
        At least one sample.

    Raises:
        EnrolmentRefused: No frame shows one usable face, a camera did not show enough of them in time, or they are
            unlike each other.
    """
    sitting, photos = _Sitting(finder, tower, policy), False
    for frame in frames:
        photos = frame.photo
        if not photos and frame.time_s >= policy.timeout_s:
            break
        look = sitting.look(frame)
        if look is not None and progress is not None:
            progress(look)
        if not photos and len(sitting.templates) >= policy.samples:
            sitting.drop_outliers()
            if len(sitting.templates) >= policy.samples:
                break
    if photos:
        sitting.drop_outliers()
    templates, turned_away = sitting.templates, sitting.turned_away
    if not templates or (not photos and len(templates) < policy.samples):
        wanted = None if photos else policy.samples
        raise EnrolmentRefused(_too_few(len(templates), wanted, turned_away), reason="too-few-samples")
    return Enrolment(templates=templates, turned_away=dict(turned_away), self_similarity=self_similarity(templates))


class _Sitting:
    """The samples of one enrolment so far."""

    def __init__(self, finder: FaceFinder, tower: Tower, policy: EnrolmentPolicy) -> None:
        self._finder, self._tower, self._policy = finder, tower, policy
        self._guide = Guide() if policy.guided else None
        self._next_sample_s = -np.inf
        self.templates: list[Template] = []
        self.turned_away: Counter[str] = Counter()

    def look(self, frame: Frame) -> Look | None:
        """Look at a frame, and take a sample if it gives one; None if it comes too soon."""
        if not frame.photo and frame.time_s < self._next_sample_s:
            return None
        found = self._finder.find(frame.image_rgb, photo=frame.photo)
        problem, advice, face = _one_face(found)
        guide = None if frame.photo else self._guide
        if face is None:
            self.turned_away[problem] += 1
        elif guide is None or guide.takes(face.quality, frame.time_s):
            self.templates.append(_template(face, self._tower))
            self._next_sample_s = frame.time_s + self._policy.spacing_s
            if guide is not None:
                guide.taken(face.quality, frame.time_s)
        return Look(
            frame=frame,
            face=found[0] if len(found) == 1 else None,
            got=len(self.templates),
            wanted=0 if frame.photo else self._policy.samples,
            advice=advice or ("" if guide is None else guide.words),
        )

    def drop_outliers(self) -> None:
        """Drop the samples that are unlike the others.

        Raises:
            EnrolmentRefused: Nobody can say which of them are the person.
        """
        if len(self.templates) < 2:
            return
        gone = set(outliers(np.stack([template.embedding for template in self.templates]), self._policy.least))
        self.templates = [template for at, template in enumerate(self.templates) if at not in gone]
        if gone:
            self.turned_away["unlike-the-others"] += len(gone)


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
