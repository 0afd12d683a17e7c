"""The whole way of a camera frame: detect, align, embed, match, and decide over several frames."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.decisions.decide import Decision, DecisionPolicy, Outcome, judge
from edge_runtime.errors import UsageError
from edge_runtime.faces.finder import FaceFinder, FoundFace
from edge_runtime.gallery.match import Enrolled, person_similarities
from edge_runtime.gallery.store import Gallery
from edge_runtime.sources.camera import Frame
from edge_runtime.towers.tower import Tower

STAGES = ("detect", "align", "embed", "match")


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one frame gave.

    Attributes:
        problem: Why the frame is no evidence (reason code), or None.
        advice: What the person before the camera may do.
        face: The face that was looked at, if there was one.
        similarities: float32 of shape (people,), if the frame is evidence.
        latency_ms: Time of each stage that ran.
    """

    problem: str | None
    advice: str = ""
    face: FoundFace | None = None
    similarities: npt.NDArray[np.float32] | None = None
    latency_ms: dict[str, float] = field(default_factory=dict)


Step: TypeAlias = tuple[Frame, Observation, Decision | None]


class Verifier:
    """Compares the face in frames with enrolled people.

    Attributes:
        enrolled: The people it compares with: one in verification, all in identification.
        rotation: What protects their templates: probes are taken through it before they are compared.
        threshold: Lowest mean similarity that is accepted.
        policy: How evidence becomes a decision.
    """

    def __init__(
        self,
        tower: Tower,
        gallery: Gallery,
        finder: FaceFinder,
        *,
        claimed: str | None = None,
        target_fmr: float | None = None,
        threshold: float | None = None,
        policy: DecisionPolicy | None = None,
    ) -> None:
        """Prepare a comparison.

        Args:
            tower: A loaded tower.
            gallery: A gallery that was opened with this tower.
            finder: A face finder with the tower's crop size and template.
            claimed: Verify this person; identify among all if None.
            target_fmr: Which of the card's thresholds; the card's default if None.
            threshold: A similarity instead of the card's threshold.
            policy: How evidence becomes a decision.

        Raises:
            SpaceMismatch: The gallery belongs to another embedding space.
            GalleryError: The claimed person, or anybody at all, is not enrolled.
            UsageError: There is no threshold, or the finder does not fit the tower.
        """
        gallery.require_space(tower.fingerprint)
        if finder.size_px != tower.card.input.size_px or finder.template != tower.card.template:
            raise UsageError("the face finder's crop does not fit the tower: give it the card's size and template.")
        self.tower = tower
        self.finder = finder
        self.claimed = claimed
        self.enrolled = Enrolled.of(gallery.templates(claimed))
        self.rotation = gallery.rotation
        self.threshold = choose_threshold(tower, target_fmr=target_fmr, threshold=threshold)
        self.policy = policy or DecisionPolicy()

    def observe(self, frame: Frame) -> Observation:
        """Look at one frame. Frames with no face, several faces or a poor face are no evidence."""
        found = self.finder.find(frame.image_rgb, photo=frame.photo)
        if not found:
            return Observation(problem="no-face", advice="look at the camera")
        face = found[0]
        latency = {"detect": face.detect_ms, "align": face.align_ms}
        if len(found) > 1:
            return Observation(problem="several-faces", advice="one person at a time", face=face, latency_ms=latency)
        if face.problem is not None:
            reason, advice = face.problem
            return Observation(problem=reason, advice=advice, face=face, latency_ms=latency)
        start = time.perf_counter()
        probe = self.tower.embed_one(face.crop_rgb)
        embedded = time.perf_counter()
        similarities = person_similarities(self.rotation.apply(probe), self.enrolled)
        latency["embed"] = (embedded - start) * 1e3
        latency["match"] = (time.perf_counter() - embedded) * 1e3
        return Observation(problem=None, face=face, similarities=similarities, latency_ms=latency)

    def decide(self, frames: Iterable[Frame]) -> Decision:
        """Decide one attempt: until enough good frames, the timeout, or the end of the source.

        An error on the way becomes the outcome ``fault``, never an acceptance.
        """
        last: Decision | None = None
        try:
            for _, _, decision in self.attempt(frames):
                last = decision
        except Exception as error:  # Whatever it is, it must not become an acceptance, nor the end of the program.
            return Attempt(self).fault(str(error) or type(error).__name__)
        return last or Attempt(self).end_of_source()

    def attempt(self, frames: Iterable[Frame]) -> Iterator[Step]:
        """One attempt, frame by frame.

        Yields:
            Each frame, what it gave, and, with the last one, the decision.
        """
        attempt = Attempt(self)
        frame: Frame | None = None
        for frame in frames:
            seen = self.observe(frame)
            decision = attempt.add(frame, seen)
            yield frame, seen, decision
            if decision is not None:
                return
        if frame is not None:
            yield frame, Observation(problem="end-of-source"), attempt.end_of_source()

    def watch(self, frames: Iterable[Frame], *, rearm_s: float = 1.0) -> Iterator[Step]:
        """Look at a stream without end: one attempt for each visit.

        An attempt begins with the first frame that shows a face. After its decision the next begins when no face was
        seen for ``rearm_s`` seconds of stream time.

        Yields:
            Each frame, what it gave, and the decision if it ended an attempt. A visit that ends too early is decided
            with the frame that shows it has ended.
        """
        attempt: Attempt | None = None
        decided = False
        last_face_s = -np.inf
        frame: Frame | None = None
        for frame in frames:
            seen = self.observe(frame)
            decision: Decision | None = None
            if seen.problem == "no-face":
                # A clock that went backwards must not put off the next visit until it has caught up.
                last_face_s = min(last_face_s, frame.time_s)
                if frame.time_s - last_face_s >= rearm_s:
                    decision = attempt.end_of_source() if attempt is not None and not decided else None
                    attempt, decided = None, False
            else:
                last_face_s = frame.time_s
                attempt = attempt or Attempt(self)
            if attempt is not None and not decided:
                decision = attempt.add(frame, seen)
                decided = decision is not None
            yield frame, seen, decision
        if frame is not None and attempt is not None and not decided:
            yield frame, Observation(problem="end-of-source"), attempt.end_of_source()


class Attempt:
    """The evidence of one attempt, frame by frame."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._similarities: list[npt.NDArray[np.float32]] = []
        self._problems: Counter[tuple[str, str]] = Counter()
        self._latency: dict[str, list[float]] = {}
        self._frames = 0
        self._started_s: float | None = None
        self._ended_s = 0.0
        self._last_evidence_s = -np.inf

    def add(self, frame: Frame, seen: Observation) -> Decision | None:
        """Take one frame's observation; the decision, once there is enough evidence or no time left."""
        self._frames += 1
        if self._started_s is None:
            self._started_s = frame.time_s
        if frame.time_s < self._ended_s:
            return self.fault("the clock of the source went backwards")
        self._ended_s = frame.time_s
        for stage, ms in seen.latency_ms.items():
            self._latency.setdefault(stage, []).append(ms)
        # Photographs have no clock: their time is only their number.
        elapsed_s = 0.0 if frame.photo else frame.time_s - self._started_s
        if elapsed_s > self._verifier.policy.timeout_s:
            return self._without_enough("timeout")
        if seen.similarities is not None:
            if frame.time_s - self._last_evidence_s >= self._verifier.policy.spacing_s - 1e-6:
                self._similarities.append(seen.similarities)
                self._last_evidence_s = frame.time_s
        elif seen.problem is not None:
            self._problems[seen.problem, seen.advice] += 1
        if len(self._similarities) >= self._verifier.policy.frames:
            return self._compare()
        if elapsed_s >= self._verifier.policy.timeout_s:
            return self._without_enough("timeout")
        return None

    def end_of_source(self) -> Decision:
        """No frame will follow: judge by the good frames there were, if any."""
        return self._compare() if self._similarities else self._without_enough("no-frames")

    def fault(self, message: str) -> Decision:
        """Something broke: never an acceptance."""
        return self._decision(Outcome.FAULT, reason="fault", advice=message)

    def _compare(self) -> Decision:
        names = self._verifier.enrolled.names
        accepted, nearest, similarity = judge(self._similarities, names, self._verifier.threshold)
        if accepted:
            return self._decision(Outcome.ACCEPTED, reason="match", nearest=nearest, similarity=similarity)
        return self._decision(Outcome.REJECTED, reason="below-threshold", nearest=nearest, similarity=similarity)

    def _without_enough(self, fallback: str) -> Decision:
        if not self._problems:
            return self._decision(Outcome.REJECTED if self._similarities else Outcome.NO_FACE, reason=fallback)
        (problem, advice), _ = self._problems.most_common(1)[0]
        outcome = {"no-face": Outcome.NO_FACE, "several-faces": Outcome.SEVERAL_FACES}.get(problem, Outcome.LOW_QUALITY)
        return self._decision(outcome, reason=problem, advice=advice)

    def _decision(
        self,
        outcome: Outcome,
        *,
        reason: str,
        advice: str = "",
        nearest: str | None = None,
        similarity: float | None = None,
    ) -> Decision:
        return Decision(
            outcome=outcome,
            person=nearest if outcome is Outcome.ACCEPTED else None,
            similarity=similarity,
            threshold=self._verifier.threshold,
            reason=reason,
            advice=advice,
            nearest=nearest if self._verifier.claimed is None else None,
            claimed=self._verifier.claimed,
            good_frames=len(self._similarities),
            frames=self._frames,
            started_s=self._started_s or 0.0,
            ended_s=self._ended_s,
            latency_ms={stage: float(np.median(ms)) for stage, ms in self._latency.items()},
        )


def choose_threshold(tower: Tower, *, target_fmr: float | None = None, threshold: float | None = None) -> float:
    """The threshold to decide with: the given one, or the card's for a target FMR.

    Raises:
        UsageError: The given one is no cosine; the card has none for the target; or the card's thresholds were
            measured with another interpreter than the one that runs here.
    """
    if threshold is not None:
        if not -1 < threshold <= 1:
            raise UsageError(f"a threshold is a cosine similarity above -1 and at most 1, not {threshold}.")
        return threshold
    if not tower.calibrated:
        raise UsageError(
            f"this tower's thresholds were measured with {tower.card.runtime}, not {tower.backend.distribution}: its "
            "error rates are unknown here. Install that interpreter, or give a --threshold that you measured yourself."
        )
    return tower.card.operating_point(target_fmr).threshold
