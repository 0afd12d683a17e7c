"""The whole way of a camera frame: detect, align, embed, match, and decide over several frames."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.decisions.attempt import Attempt, Question
from edge_runtime.decisions.decide import Decision, Outcome
from edge_runtime.decisions.guard import Guard
from edge_runtime.decisions.observe import Observation, choose, compare, fresh_faces
from edge_runtime.decisions.policy import DecisionPolicy
from edge_runtime.decisions.session import Session, Step
from edge_runtime.decisions.stream import in_words, run
from edge_runtime.decisions.threshold import Threshold, choose_threshold
from edge_runtime.errors import UsageError
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.faces.quality import QualityLimits
from edge_runtime.faces.tracker import TrackPolicy
from edge_runtime.gallery.calibration import read_calibration
from edge_runtime.gallery.match import Enrolled
from edge_runtime.gallery.store import Gallery
from edge_runtime.gallery.watching import GalleryWatch, Reading
from edge_runtime.images import Image
from edge_runtime.liveness.passive import AntiSpoof
from edge_runtime.liveness.policy import LivenessPolicy
from edge_runtime.liveness.stage import make_stage
from edge_runtime.sources.camera import Frame
from edge_runtime.towers.tower import Tower

STAGES = ("grab", "detect", "follow", "align", "embed", "match", "liveness", "decide")


class Verifier:
    """Compares the face in frames with enrolled people.

    Attributes:
        enrolled: The people it compares with: one in verification, all in identification.
        operating: The threshold, and what is known of how often it lets somebody in by mistake.
        rotation: What protects their templates: probes are taken through it before they are compared.
        policy: How evidence becomes a decision.
        tracking: How faces are followed from frame to frame.
        guard: Counts rejections and writes down decisions; None for neither.
        liveness: Whether it must be a person, and no picture of one.
    """

    def __init__(
        self,
        tower: Tower,
        gallery: Gallery,
        finder: FaceFinder | None = None,
        *,
        claimed: str | None = None,
        target_fmr: float | None = None,
        threshold: float | None = None,
        policy: DecisionPolicy | None = None,
        tracking: TrackPolicy | None = None,
        person_score: str | None = None,
        guard: Guard | None = None,
        liveness: LivenessPolicy | None = None,
        antispoof: AntiSpoof | None = None,
    ) -> None:
        """Prepare a comparison.

        Args:
            tower: A loaded tower.
            gallery: A gallery that was opened with this tower.
            finder: A face finder with the tower's crop size and template; one with the usual detector if None.
            claimed: Verify this person; identify among all if None.
            target_fmr: Share of strangers' attempts that may be accepted: one of the card's targets for verification;
                in identification the threshold is tightened to keep it. The card's default if None. A calibration of
                the gallery raises it further.
            threshold: A similarity instead of the card's threshold.
            policy: How evidence becomes a decision.
            tracking: How faces are followed.
            person_score: Whether a person's ``"mean"`` or ``"best"`` template counts; what the card says if None.
            guard: Locks out after repeated rejections and keeps the audit log.
            liveness: Whether it must be a person, and how that is found out; not asked if None.
            antispoof: A passive model that is asked too.

        Raises:
            SpaceMismatch: The gallery belongs to another embedding space.
            GalleryError: The claimed person, or anybody at all, is not enrolled.
            UsageError: There is no threshold, the finder does not fit the tower, or liveness is asked of everybody.
            TowerError: The face detector is missing or is not the pinned one.
        """
        gallery.require_space(tower.fingerprint)
        finder = finder or fitting_finder(tower)
        if finder.size_px != tower.card.input.size_px or finder.template != tower.card.template:
            raise UsageError("the face finder's crop does not fit the tower: give it the card's size and template.")
        self.tower = tower
        self.finder = finder
        self.claimed = claimed
        self.guard = guard
        self.policy = policy or DecisionPolicy()
        self.tracking = tracking or TrackPolicy()
        self.liveness = liveness or LivenessPolicy()
        self._stage = make_stage(self.liveness, antispoof, faces=self.policy.faces)
        self._score = person_score or tower.card.person_score
        self._asked = (target_fmr, threshold)
        self._read(gallery)

    def _read(self, gallery: Gallery) -> None:
        """Take the people, their protection and the threshold from a gallery."""
        known = Reading.of(gallery)
        enrolled = Enrolled.of(gallery.templates(self.claimed), score=self._score)
        target_fmr, threshold = self._asked
        operating = choose_threshold(
            self.tower,
            enrolled,
            self.policy,
            target_fmr=target_fmr,
            threshold=threshold,
            calibration=read_calibration(gallery),
        )
        self.operating: Threshold = operating
        # Last, and together: whoever could not be read must not pass for known.
        self._known, self.enrolled, self.rotation = known, enrolled, gallery.rotation

    @property
    def threshold(self) -> float:
        """Lowest fused similarity that is accepted."""
        return self.operating.value

    @property
    def question(self) -> Question:
        """What its attempts are to find out."""
        return self._question(None)

    def _question(self, watch: GalleryWatch | None) -> Question:
        def final(decision: Decision) -> Decision:
            if decision.accepted and watch is not None and watch.changed():
                # Between the frame and its decision: whoever it was may be enrolled no more.
                decision = replace(
                    decision, outcome=Outcome.FAULT, person=None, reason="gallery-changed", advice="try again"
                )
            return decision if self.guard is None else self.guard.final(decision)

        return Question(
            names=self.enrolled.names,
            threshold=self.threshold,
            policy=self.policy,
            claimed=self.claimed,
            final=final,
            liveness=self.liveness,
        )

    def observe(self, frame: Frame) -> Observation:
        """Look at one frame alone. Frames with no face, several faces or a poor face are no evidence."""
        start = time.perf_counter()
        found = self.finder.find(frame.image_rgb, photo=frame.photo)
        whole_ms, align_ms = (time.perf_counter() - start) * 1e3, sum(item.align_ms for item in found)
        latency = {"detect": whole_ms - align_ms, "align": align_ms} if found else {"detect": whole_ms}
        seen = choose(fresh_faces(found), self.policy, frame.image_rgb.shape)
        faces = [compare(face, self._embed, self.enrolled, latency) if face.subject else face for face in seen.faces]
        return replace(seen, faces=tuple(faces), latency_ms=latency)

    def decide(self, frames: Iterable[Frame]) -> Decision:
        """Decide one attempt: until enough good frames, the timeout, or the end of the source.

        An error on the way becomes the outcome ``fault``, never an acceptance.

        Raises:
            UsageError: The policy is one that gives several decisions.
        """
        self._check_one()
        last: Decision | None = None
        try:
            for step in self.attempt(frames):
                last = step.decision
        except Exception as error:  # Whatever it is, it must not become an acceptance, nor the end of the program.
            return Attempt(self.question).fault(in_words(error))
        return last or Attempt(self.question).end_of_source()

    def attempt(self, frames: Iterable[Frame]) -> Iterator[Step]:
        """One attempt, frame by frame.

        Yields:
            Each frame, what it gave, and, with the last one, the decision. Of a source without a frame, nothing.

        Raises:
            UsageError: The policy is one that gives several decisions.
        """
        self._check_one()
        refused = None if self.guard is None else self.guard.refusal(self.claimed, self.threshold)
        if refused is not None:
            # Nobody is looked at, let alone compared.
            yield Step(frame=None, seen=Observation(problem="locked-out"), decisions=(refused,))
            return
        with self._session(endless=False) as session:
            for step in run(session, frames, go_on=False):
                yield step
                if step.decision is not None:
                    return

    def steps(self, frames: Iterable[Frame]) -> Iterator[Step]:
        """Look at a stream without end, frame by frame: one attempt for each visit.

        An attempt begins with the first frame that shows a face. After its decision the next begins when no face was
        seen for ``policy.rearm_s`` seconds of stream time or, after an acceptance, when another person is seen instead.

        Yields:
            Each frame, what it gave, and the decisions that fell with it. A visit that ends too early is decided with
            the frame that shows it has ended. A frame that cannot be looked at gives the outcome ``fault`` (once for
            several in a row). What a source raises is not caught.
        """
        with self._session(endless=True) as session:
            yield from run(session, frames, go_on=True)

    def watch(self, frames: Iterable[Frame]) -> Iterator[Decision]:
        """Look at a stream without end: one decision for each visit, as :meth:`steps` tells them.

        Yields:
            The decisions. A source that fails ends with the outcome ``fault``; nothing is raised.
        """
        with self._session(endless=True) as session:
            try:
                for step in run(session, frames, go_on=True):
                    yield from step.decisions
            except Exception as error:
                yield session.fault(in_words(error))

    def _embed(self, crop_rgb: Image) -> npt.NDArray[np.float32]:
        """The embedding of a crop as the gallery keeps its templates."""
        return self.rotation.apply(self.tower.embed_one(crop_rgb))

    @contextlib.contextmanager
    def _session(self, *, endless: bool) -> Iterator[Session]:
        """A look at one source. What the gallery holds is read again whenever it has changed."""
        with contextlib.closing(GalleryWatch(self._known)) as watch:
            yield Session(
                self._embed,
                self.finder,
                self.enrolled,
                self._question(watch),
                self.tracking,
                same_person=self._same_person(),
                endless=endless,
                liveness=self._stage,
                renewed=lambda: self._renewed(watch),
            )

    def _renewed(self, watch: GalleryWatch) -> tuple[Enrolled, Question] | None:
        """The people as they are now, if they are others than before."""
        if not watch.changed():
            return None
        with watch.opened_again(self.tower) as gallery:
            self._read(gallery)
        watch.known = self._known
        return self.enrolled, self._question(watch)

    def _same_person(self) -> float:
        """Lowest similarity of two frames of one track: the threshold of verification, however many are enrolled."""
        if self.policy.same_person is not None:
            return self.policy.same_person
        if self.operating.point is None or self.tower.card.default_fmr is None:
            return self.threshold
        return min(self.threshold, self.tower.card.operating_point().threshold)

    def _check_one(self) -> None:
        if self.policy.faces == "all":
            raise UsageError("everybody's face gives several decisions: watch the source, or choose another policy.")


def fitting_finder(tower: Tower, *, models: Path | None = None) -> FaceFinder:
    """A face finder with the crop, the quality limits and the interpreter of a tower.

    Args:
        tower: The tower.
        models: Folder that ``siamlite setup`` filled; the user's own by default.
    """
    return FaceFinder(
        models=models,
        size_px=tower.card.input.size_px,
        template=tower.card.template,
        limits=QualityLimits.of(tower.card.quality_limits),
        family=tower.backend.family,
    )
