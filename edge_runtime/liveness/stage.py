"""The tests of one source, and whom they are about: what is known belongs to one track, and is lost with it."""

from __future__ import annotations

import random
from collections import deque

from edge_runtime.errors import UsageError
from edge_runtime.faces.detect import Face
from edge_runtime.faces.pose import head_pose
from edge_runtime.images import Image
from edge_runtime.liveness.challenge import Challenge, Order, draw_order
from edge_runtime.liveness.passive import AntiSpoof, PassiveTest
from edge_runtime.liveness.planarity import PlanarityTest
from edge_runtime.liveness.policy import UNKNOWN, Liveness, LivenessPolicy, combined

# How often a challenge wants the face detected: followed landmarks keep their shape and show no turn.
_LOOK_S = 0.1
# Orders that are not asked for again soon.
_REMEMBERED = 8
# How long nobody may be seen in the midst of a challenge: who could leave and come back would get another order.
_GAP_S = 0.5


def make_stage(policy: LivenessPolicy, model: AntiSpoof | None, *, faces: str) -> LivenessStage | None:
    """The stage that a policy asks for; None if it asks for nothing.

    Args:
        policy: What is asked.
        model: A passive model, if there is one.
        faces: Whose face counts where there are several (:class:`edge_runtime.decisions.policy.DecisionPolicy`).

    Raises:
        UsageError: Nothing would be tested, or everybody would be at once.
    """
    if policy.mode == "off":
        return None
    if faces == "all":
        raise UsageError("liveness is tested of one face at a time: choose another policy for several faces.")
    if not policy.planarity and not policy.challenge and model is None:
        raise UsageError("liveness is asked for, but no test of it: leave the planarity test on, or give another.")
    return LivenessStage(policy, model)


class LivenessStage:
    """Says of the face that counts whether it is a person's."""

    def __init__(
        self, policy: LivenessPolicy, model: AntiSpoof | None = None, *, rng: random.Random | None = None
    ) -> None:
        """Begin.

        Args:
            policy: What is asked.
            model: A passive model, if there is one.
            rng: Draws the orders; the operating system's randomness by default.
        """
        self.policy = policy
        self._rng = rng or random.SystemRandom()
        self._planarity = PlanarityTest() if policy.planarity and policy.mode != "off" else None
        self._passive = PassiveTest(model) if model is not None and policy.mode != "off" else None
        self._challenge: Challenge | None = None
        self._before: deque[Order] = deque(maxlen=_REMEMBERED)
        self._track = 0
        self._looked_s = self._seen_s = float("-inf")

    @property
    def prompt(self) -> str | None:
        """The movement that is asked for now; None if none is."""
        return None if self._challenge is None else self._challenge.finding.prompt

    def reset(self) -> None:
        """Forget whom it was about: the next face may be anybody's."""
        self._track, self._challenge = 0, None
        for test in (self._planarity, self._passive):
            if test is not None:
                test.forget()

    def gap(self, time_s: float) -> None:
        """Nobody counts in a frame: points are not followed over it, and a challenge goes on over a short gap alone."""
        if self._planarity is not None:
            self._planarity.lose()
        if self._challenge is not None and not 0 <= time_s - self._seen_s <= _GAP_S:
            self._challenge.leave()

    def due(self, time_s: float) -> bool:
        """Whether the face must be detected in a frame of this stream time."""
        return self._challenge is not None and self._challenge.finding.live is None and self._waited(time_s)

    def look(self, image_rgb: Image, time_s: float, track: int, face: Face, *, fresh: bool) -> Liveness:
        """Take a frame of a stream.

        Args:
            image_rgb: uint8 frame of shape (height, width, 3).
            time_s: Its stream time.
            track: Number of the face's track; 0 while it is not known whether it is still the same person.
            face: The face that counts in it.
            fresh: Whether the face was detected in this frame, not followed.
        """
        if self.policy.mode == "off":
            return UNKNOWN
        if track == 0 or track != self._track:
            self.reset()
            self._track = track
        self._seen_s = time_s
        if track == 0:
            return UNKNOWN
        findings = []
        if self._passive is not None:
            findings.append(self._passive.step(image_rgb, face) if fresh else self._passive.finding)
        if self.policy.challenge:
            findings.append(self._challenged(time_s, face, fresh=fresh))
        if self._planarity is not None:
            findings.append(self._planarity.step(image_rgb, time_s, face.landmarks_px if fresh else None))
        return combined(findings)

    def _challenged(self, time_s: float, face: Face, *, fresh: bool) -> Liveness:
        if self._challenge is None:
            order = draw_order(self.policy.moves, list(self._before), self._rng)
            self._before.append(order)
            policy = self.policy
            self._challenge = Challenge(order, move_s=policy.move_s, rng=self._rng, mirrored=policy.mirrored)
        looking = fresh and self._waited(time_s)
        if looking:
            self._looked_s = time_s
        return self._challenge.step(time_s, head_pose(face.landmarks_px) if looking else None)

    def _waited(self, time_s: float) -> bool:
        # A clock that went backwards is no reason to wait until it has caught up.
        return not 0 <= time_s - self._looked_s < _LOOK_S
