"""Movements that are asked for in an order nobody can know: a recording made before does not have it.

There is no blinking among them: neither the detector's landmarks nor the refiner's follow an eyelid.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from edge_runtime.faces.pose import Pose
from edge_runtime.liveness.policy import CHALLENGE_FAILED, CHALLENGE_NOT_DONE, LIVE, Liveness


class Move(str, Enum):
    """A movement, as the person who makes it calls it."""

    LEFT = "turn-left"
    RIGHT = "turn-right"
    NOD = "nod"


Order: TypeAlias = tuple[Move, ...]

WORDS = {
    Move.LEFT: "turn your head to your left",
    Move.RIGHT: "turn your head to your right",
    Move.NOD: "look down, as in a nod",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengeLimits:
    """What counts as a movement.

    Attributes:
        turn_deg: How far the head must turn from where it was at rest.
        nod_deg: How far it must go down.
        rest_deg: How near it must come to rest again before the next movement is asked for.
        looks: In how many looks a movement must be seen, one that was asked for or another. A turn that begins looks
            like a nod for a moment.
        resting: Looks at the beginning that say what rest is.
        reaction_s: Who moves sooner than this after being asked did not wait for it.
        pause_s: Longest pause before the next movement is asked for; its length is random.
    """

    turn_deg: float = 16.0
    nod_deg: float = 9.0
    rest_deg: float = 7.0
    looks: int = 2
    resting: int = 3
    reaction_s: float = 0.2
    pause_s: float = 0.6


def draw_order(moves: int, before: Sequence[Order], rng: random.Random) -> Order:
    """An order of movements, no two of the same after each other, that is none of those before.

    Args:
        moves: How many.
        before: Orders that must not come again. If all there are were used, the oldest ones may.
        rng: Draws; :class:`random.SystemRandom` where it matters.
    """
    kept = set(before[-(3 * 2 ** (moves - 1) - 1) :])
    while True:
        order = [rng.choice(list(Move))]
        while len(order) < moves:
            order.append(rng.choice([move for move in Move if move is not order[-1]]))
        if tuple(order) not in kept:
            return tuple(order)


class Challenge:
    """One challenge, from rest through every movement.

    Attributes:
        order: The movements. Only the one that is asked for now is ever shown.
        finding: What is known so far.
    """

    def __init__(
        self,
        order: Order,
        *,
        move_s: float,
        rng: random.Random,
        mirrored: bool = False,
        limits: ChallengeLimits | None = None,
    ) -> None:
        """Begin.

        Args:
            order: The movements.
            move_s: Time for each.
            rng: Draws the pauses.
            mirrored: Whether left and right are swapped in the frames.
            limits: What counts as a movement.
        """
        self.order = order
        self.finding = _unknown(None)
        self._limits, self._move_s, self._rng, self._mirrored = limits or ChallengeLimits(), move_s, rng, mirrored
        self._rest: list[Pose] = []
        self._done = self._seen = self._wrong = 0
        self._asked_s: float | None = None
        self._ready_s: float | None = None
        self._since_s: float | None = None

    def step(self, time_s: float, pose: Pose | None) -> Liveness:
        """Take a look.

        Args:
            time_s: Stream time.
            pose: How the head is turned; None if no face was detected in this frame.
        """
        if self.finding.live is not None:
            return self.finding
        if self._since_s is None:
            self._since_s = time_s
        # A movement that is asked for, and the rest before it, have a time each.
        if time_s - (self._since_s if self._asked_s is None else self._asked_s) > self._move_s:
            return self._end("too slow: do what is asked within the time")
        if pose is not None:
            self._take(time_s, pose)
        return self.finding

    def leave(self) -> Liveness:
        """The person was gone: a challenge under way has failed, so that nobody picks among several."""
        begun = self._done > 0 or self._asked_s is not None
        return self._end("stay in the picture") if begun and self.finding.live is None else self.finding

    def _take(self, time_s: float, pose: Pose) -> None:
        if len(self._rest) < self._limits.resting:
            self._rest.append(pose)
            return
        moved = self._movement(pose)
        if self._asked_s is None:
            self._wait_for_rest(time_s, moved)
        elif moved is None:
            self._seen = self._wrong = 0
        elif moved is self.order[self._done]:
            self._wrong = 0
            self._count(time_s)
        else:
            self._seen, self._wrong = 0, self._wrong + 1
            if self._wrong >= self._limits.looks:
                self._end("another movement than the one that was asked for")

    def _wait_for_rest(self, time_s: float, moved: Move | None) -> None:
        if moved is not None or not self._at_rest:
            self._ready_s = None
        elif self._ready_s is None:
            self._ready_s = time_s + self._rng.uniform(0, self._limits.pause_s)
        elif time_s >= self._ready_s:
            self._asked_s, self._seen, self._wrong = time_s, 0, 0
            self.finding = _unknown(self.order[self._done])

    def _count(self, time_s: float) -> None:
        """The movement that was asked for is seen."""
        if self._asked_s is not None and time_s - self._asked_s < self._limits.reaction_s:
            self._end("wait until you are asked")
            return
        self._seen += 1
        if self._seen >= self._limits.looks:
            self._done += 1
            self._asked_s = self._ready_s = None
            self._since_s = time_s
            self.finding = LIVE if self._done == len(self.order) else _unknown(None)

    def _movement(self, pose: Pose) -> Move | None:
        """Which movement a pose is; None for rest and for what lies between."""
        limits = self._limits
        yaw = pose.yaw_deg - sorted(rest.yaw_deg for rest in self._rest)[len(self._rest) // 2]
        pitch = pose.pitch_deg - sorted(rest.pitch_deg for rest in self._rest)[len(self._rest) // 2]
        self._at_rest = abs(yaw) <= limits.rest_deg and abs(pitch) <= limits.rest_deg
        # A person's left is at the picture's right, unless the picture is mirrored.
        to_left = -yaw if self._mirrored else yaw
        if abs(yaw) >= limits.turn_deg:
            return Move.LEFT if to_left > 0 else Move.RIGHT
        return Move.NOD if pitch >= limits.nod_deg and abs(yaw) < limits.turn_deg / 2 else None

    def _end(self, advice: str) -> Liveness:
        self.finding = Liveness(live=False, reason=CHALLENGE_FAILED, advice=advice)
        return self.finding


def _unknown(move: Move | None) -> Liveness:
    if move is None:
        return Liveness(live=None, reason=CHALLENGE_NOT_DONE, advice="look straight at the camera")
    return Liveness(live=None, reason=CHALLENGE_NOT_DONE, advice=WORDS[move], prompt=move.value)
