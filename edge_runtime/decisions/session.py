"""One source, frame by frame: the tracker, the check that nobody changes places, and the attempts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from edge_runtime.decisions.attempt import Question
from edge_runtime.decisions.decide import Decision
from edge_runtime.decisions.identity import Anchors
from edge_runtime.decisions.observe import Embed, Observation, SeenFace, choose, compare, fresh_faces
from edge_runtime.decisions.visits import Standing, Visits
from edge_runtime.faces.detect import Face
from edge_runtime.faces.finder import FaceFinder, FoundFace
from edge_runtime.faces.tracker import FaceTracker, TrackPolicy
from edge_runtime.gallery.match import Enrolled
from edge_runtime.liveness.stage import LivenessStage
from edge_runtime.sources.camera import Frame

# Photographs of one source are one track: whoever gave them says that they belong together.
_PHOTOS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What came of one frame.

    Attributes:
        frame: The frame; None where a source had none, only the time.
        seen: What it gave.
        decisions: Those that fell with it: more than one only where everybody's face counts.
        standing: How it stands with the tracks in view, by number.
        event: What a source had to say instead of a frame.
    """

    frame: Frame | None
    seen: Observation
    decisions: tuple[Decision, ...] = ()
    standing: dict[int, Standing] = field(default_factory=dict)
    event: str | None = None

    @property
    def decision(self) -> Decision | None:
        """The decision that fell with it, or the first of them."""
        return self.decisions[0] if self.decisions else None


class Session:
    """Looks at the frames of one source."""

    def __init__(
        self,
        embed: Embed,
        finder: FaceFinder,
        enrolled: Enrolled,
        question: Question,
        tracking: TrackPolicy,
        *,
        same_person: float,
        endless: bool,
        liveness: LivenessStage | None = None,
        renewed: Callable[[], tuple[Enrolled, Question] | None] | None = None,
    ) -> None:
        """Begin.

        Args:
            embed: Gives the embedding of a crop as the templates are kept.
            finder: A face finder that fits the tower.
            enrolled: The people that faces are compared with.
            question: What the attempts are to find out.
            tracking: How faces are followed.
            same_person: Lowest similarity of two frames of one track.
            endless: Whether there is one attempt for each visit, or one alone that begins at once.
            liveness: Says whether a face is a person's; None if that is not asked.
            renewed: Asked before each frame: other people, and what is to be found out of them, or None.
        """
        self._embed, self._finder, self._enrolled, self._question = embed, finder, enrolled, question
        self._tracking, self._same_person, self._endless = tracking, same_person, endless
        self._liveness, self._renewed = liveness, renewed
        self.reset()

    def reset(self) -> None:
        """Forget everything that was seen, as after an error."""
        self._tracker = FaceTracker(self._tracking, keep_s=self._question.policy.rearm_s)
        self._anchors = Anchors(self._same_person)
        self._visits = Visits(self._question, endless=self._endless)
        if self._liveness is not None:
            self._liveness.reset()

    def step(self, frame: Frame, *, grab_ms: float | None = None) -> Step:
        """Look at a frame.

        Args:
            frame: The frame.
            grab_ms: How long it took to get it.
        """
        latency = {} if grab_ms is None else {"grab": grab_ms}
        self._look_for_others()
        seen = self._observe(frame, latency)
        start = time.perf_counter()
        decisions = self._visits.take(frame, seen, kept={track.number for track in self._tracker.tracks})
        latency["decide"] = (time.perf_counter() - start) * 1e3
        return Step(frame=frame, seen=seen, decisions=tuple(decisions), standing=self._visits.standing(seen))

    def wait(self, time_s: float, *, event: str | None = None, broken: bool = False) -> Step:
        """Let stream time pass without a frame.

        Args:
            time_s: The stream time now.
            event: What the source has to say.
            broken: Whether the stream was interrupted, so that whoever is seen next may be another person.
        """
        if broken:
            self._tracker.drop()
        if self._liveness is not None:
            self._liveness.gap(time_s)
        decisions = self._visits.wait(time_s)
        return Step(frame=None, seen=Observation(problem="no-frame"), decisions=tuple(decisions), event=event)

    def end(self) -> Step:
        """The source has ended: decide what is open by the evidence that there is."""
        return Step(frame=None, seen=Observation(problem="end-of-source"), decisions=tuple(self._visits.end()))

    def fault(self, message: str) -> Decision:
        """Something broke: what was seen is forgotten, and nobody is accepted."""
        decision = self._visits.open_attempt().fault(message)
        self.reset()
        return decision

    def _look_for_others(self) -> None:
        """Begin anew where the people that faces are compared with are others than before."""
        found = None if self._renewed is None else self._renewed()
        if found is not None:
            self._enrolled, self._question = found
            self.reset()

    def _observe(self, frame: Frame, latency_ms: dict[str, float]) -> Observation:
        faces = self._photograph(frame, latency_ms) if frame.photo else self._followed(frame, latency_ms)
        policy, shape = self._question.policy, frame.image_rgb.shape
        seen = choose(faces, policy, shape, current=self._visits.current)
        compared = [self._identified(face, photo=frame.photo, latency_ms=latency_ms) for face in seen.faces]
        seen = replace(seen, faces=tuple(compared), latency_ms=latency_ms)
        return seen if self._liveness is None or frame.photo else self._tested(self._liveness, frame, seen)

    def _tested(self, stage: LivenessStage, frame: Frame, seen: Observation) -> Observation:
        """What was seen, with what is known of the liveness of the face that counts."""
        subject, start = seen.subject, time.perf_counter()
        if subject is None:
            stage.gap(frame.time_s)
            return seen
        found = stage.look(frame.image_rgb, frame.time_s, subject.track, subject.face, fresh=subject.fresh)
        seen.latency_ms["liveness"] = (time.perf_counter() - start) * 1e3
        return replace(seen, faces=tuple(replace(f, liveness=found) if f is subject else f for f in seen.faces))

    def _photograph(self, frame: Frame, latency_ms: dict[str, float]) -> list[SeenFace]:
        """The faces of a photograph. Where everybody counts, each face of each photograph is somebody of their own."""
        faces = fresh_faces(self._detect(frame, latency_ms))
        if self._question.policy.faces != "all":
            return [replace(seen, track=_PHOTOS) for seen in faces]
        return [replace(seen, track=1000 * frame.index + at) for at, seen in enumerate(faces, start=1)]

    def _followed(self, frame: Frame, latency_ms: dict[str, float]) -> list[SeenFace]:
        """The faces of a frame of a stream, each with its track."""
        found: list[FoundFace] = []

        def detect() -> Sequence[Face]:
            found.extend(self._detect(frame, latency_ms))
            return [item.face for item in found]

        tracker, start = self._tracker, time.perf_counter()
        unsure = any(not track.sure for track in tracker.in_view())
        due = unsure or self._visits.due(frame.time_s)
        due = due or (self._liveness is not None and self._liveness.due(frame.time_s))
        tracker.step(frame.image_rgb, frame.time_s, detect, due=due)
        spent = latency_ms.get("detect", 0.0) + latency_ms.get("align", 0.0)
        latency_ms["follow"] = (time.perf_counter() - start) * 1e3 - spent
        self._anchors.keep({track.number for track in tracker.tracks})
        # The tracker keeps the order of the faces that were found.
        faces = fresh_faces(found) if tracker.detected else [
            SeenFace(face=track.face, fresh=False) for track in tracker.in_view()
        ]  # fmt: skip
        return [replace(seen, track=track.number) for seen, track in zip(faces, tracker.in_view(), strict=True)]

    def _detect(self, frame: Frame, latency_ms: dict[str, float]) -> list[FoundFace]:
        start = time.perf_counter()
        found = self._finder.find(frame.image_rgb, photo=frame.photo)
        whole_ms, align_ms = (time.perf_counter() - start) * 1e3, sum(item.align_ms for item in found)
        latency_ms["detect"] = whole_ms - align_ms
        if found:
            latency_ms["align"] = align_ms
        return found

    def _identified(self, seen: SeenFace, *, photo: bool, latency_ms: dict[str, float]) -> SeenFace:
        """A face compared with the people, if it counts, and its track made sure of or given another number."""
        if seen.subject:
            seen = compare(seen, self._embed, self._enrolled, latency_ms)
        if photo:
            return seen
        if seen.embedding is None:
            sure = any(track.number == seen.track and track.sure for track in self._tracker.tracks)
            return seen if sure else replace(seen, track=0)
        same = self._anchors.holds(seen.track, seen.embedding)
        track = self._tracker.confirm(seen.track) if same else self._tracker.renew(seen.track)
        self._anchors.add(track.number, seen.embedding)
        return replace(seen, track=track.number)
