"""How a hand moves a picture before a camera, and a person their head: smooth, seeded, different each time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from benchmarks.liveness.render import Pose

Motion: TypeAlias = Callable[[float], Pose]


def _wander(rng: np.random.Generator, slowest_s: float = 2.5, fastest_s: float = 0.7) -> Callable[[float], float]:
    """A smooth random function of time: four sines, within -1 and 1, near 0 at the beginning."""
    rates = 2 * np.pi / rng.uniform(fastest_s, slowest_s, 4)
    phases, sizes = rng.uniform(0, 2 * np.pi, 4), rng.dirichlet(np.ones(4))

    def at(time_s: float) -> float:
        swing = float(sizes @ np.sin(rates * time_s + phases)) - float(sizes @ np.sin(phases))
        return float(np.tanh(swing * 1.3))

    return at


def shaken(rng: np.random.Generator, distance_mm: float) -> Motion:
    """Moved sideways, up and down and a little to the camera; hardly turned."""
    x, y, z, roll = (_wander(rng) for _ in range(4))
    return lambda t: Pose(
        x_mm=40 * x(t), y_mm=25 * y(t), roll_deg=4 * roll(t), distance_mm=distance_mm * (1 + 0.06 * z(t))
    )


def turned(rng: np.random.Generator, distance_mm: float, *, most_deg: float = 40) -> Motion:
    """Turned in the hand to all sides, as far as ``most_deg``, and moved a little."""
    x, y, yaw, pitch, roll = (_wander(rng) for _ in range(5))
    far = rng.uniform(0.5, 1) * most_deg
    return lambda t: Pose(
        yaw_deg=far * yaw(t),
        pitch_deg=0.6 * far * pitch(t),
        roll_deg=6 * roll(t),
        x_mm=15 * x(t),
        y_mm=10 * y(t),
        distance_mm=distance_mm,
    )


def nearing(rng: np.random.Generator, distance_mm: float) -> Motion:
    """Held ever closer by a hand that is not quite still."""
    x, y, yaw, pitch = (_wander(rng) for _ in range(4))
    gain = rng.uniform(0.3, 0.45)
    return lambda t: Pose(
        yaw_deg=12 * yaw(t),
        pitch_deg=8 * pitch(t),
        x_mm=15 * x(t),
        y_mm=10 * y(t),
        distance_mm=distance_mm * (1 - gain * min(t / 3, 1)),
    )


def still(rng: np.random.Generator, distance_mm: float) -> Motion:
    """Sitting still, as a person does who is told nothing: a degree or two."""
    yaw, pitch, x, y = (_wander(rng) for _ in range(4))
    return lambda t: Pose(
        yaw_deg=2 * yaw(t), pitch_deg=1.5 * pitch(t), x_mm=5 * x(t), y_mm=4 * y(t), distance_mm=distance_mm
    )


def looking_round(rng: np.random.Generator, distance_mm: float) -> Motion:
    """A head turned left and right and nodding, as far as a challenge asks, or nearly."""
    yaw, pitch, roll, x = (_wander(rng, 3.0, 1.2) for _ in range(4))
    far = rng.uniform(18, 30)
    return lambda t: Pose(
        yaw_deg=far * yaw(t),
        pitch_deg=0.45 * far * pitch(t),
        roll_deg=4 * roll(t),
        x_mm=10 * x(t),
        distance_mm=distance_mm,
    )
