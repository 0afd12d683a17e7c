"""Whoever stands before a challenge: a head that does as asked, a photograph in a hand, a recording of other turns."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from benchmarks.liveness.clips import NECK_MM, background_of, camera
from benchmarks.liveness.motions import turned
from benchmarks.liveness.render import Pose, Print, render
from benchmarks.liveness.surfaces import Head, plane
from edge_runtime.liveness.challenge import Move
from edge_runtime.sources.frame import Frame

# How fast a head turns, how far, and how long a person thinks before it does.
_SPEED_DEG_S, _TURN_DEG, _NOD_DEG = 60.0, 26.0, 22.0
_THINKS_S = (0.3, 0.8)


@dataclass(kw_only=True)
class Actor:
    """Somebody, or something, that is asked.

    Attributes:
        name: What the table calls it.
        live: Whether it stands for a person.
        photo: The photograph that it is made of.
        seed: Of everything that is random.
        rate: Frames a second.
    """

    name: str
    live: bool
    photo: Print
    seed: int
    rate: float = 15.0

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)
        self._distance = float(self._rng.uniform(400, 540))
        self._background = background_of(self._rng)
        self._surface = Head.random(self._rng).surface(self.photo.landmarks_mm)
        self._hand = turned(self._rng, self._distance)
        self._yaw = self._pitch = 0.0
        self._asked: tuple[str, float] | None = None
        self._thinks_s = 0.0
        self._script = [str(move.value) for move in self._rng.choice(np.array(list(Move), dtype=object), 12)]

    def frame(self, time_s: float, prompt: str | None) -> Frame:
        """The frame of a moment.

        Args:
            time_s: The moment.
            prompt: What is asked in it; None if nothing is.
        """
        if self.name == "photograph in a hand":
            picture = render(self.photo, plane, self._hand(time_s), self._background)
        else:
            self._move(time_s, prompt if self.live else self._recorded(time_s))
            pose = Pose(yaw_deg=self._yaw, pitch_deg=self._pitch, distance_mm=self._distance)
            picture = render(self.photo, self._surface, pose, self._background, pivot_mm=NECK_MM, oval=True)
        return Frame(image_rgb=camera(picture, self._rng), index=0, time_s=time_s, name=self.name)

    def _recorded(self, time_s: float) -> str | None:
        """What was asked when it was recorded: a movement every 2.2 seconds, and rest in between."""
        number, within = divmod(time_s - 0.8, 2.2)
        return self._script[int(number) % len(self._script)] if number >= 0 and within < 1.1 else None

    def _move(self, time_s: float, prompt: str | None) -> None:
        if prompt is None:
            self._asked = None
        elif self._asked is None or self._asked[0] != prompt:
            self._asked, self._thinks_s = (prompt, time_s), float(self._rng.uniform(*_THINKS_S))
        goal_yaw = goal_pitch = 0.0
        if self._asked is not None and time_s - self._asked[1] >= (self._thinks_s if self.live else 0):
            # A person's left is at the picture's right: the nose goes there, which is a positive yaw of the surface.
            goal_yaw = {Move.LEFT.value: _TURN_DEG, Move.RIGHT.value: -_TURN_DEG}.get(self._asked[0], 0.0)
            goal_pitch = _NOD_DEG if self._asked[0] == Move.NOD.value else 0.0
        step = _SPEED_DEG_S / self.rate
        self._yaw += float(np.clip(goal_yaw - self._yaw, -step, step))
        self._pitch += float(np.clip(goal_pitch - self._pitch, -step, step))


def actors(kind: str, photo: Print, seed: int) -> Actor:
    """An actor: ``"person"``, ``"photograph"`` or ``"recording"``."""
    person = Actor(name="person who does as asked", live=True, photo=photo, seed=seed)
    if kind == "person":
        return person
    name = "photograph in a hand" if kind == "photograph" else "recording of other turns"
    return replace(person, name=name, live=False)
