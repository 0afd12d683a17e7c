"""The clips, judged one after the other, and the errors counted."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.liveness.actors import Actor, actors
from benchmarks.liveness.clips import KINDS, SECONDS, clip
from benchmarks.liveness.render import Print
from benchmarks.liveness.video import real_clips, replays
from edge_runtime.faces.detect import Face
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.images import Image
from edge_runtime.liveness.policy import Liveness, LivenessPolicy
from edge_runtime.liveness.presentation import judge
from edge_runtime.liveness.rates import Judged, KindRates, kind_rates
from edge_runtime.liveness.stage import LivenessStage
from edge_runtime.sources.frame import Frame


class TimedStage(LivenessStage):
    """A stage that keeps how long it took."""

    def __init__(self, policy: LivenessPolicy, rng: random.Random | None = None) -> None:
        super().__init__(policy, rng=rng)
        self.spent_ms: list[float] = []

    def look(self, image_rgb: Image, time_s: float, track: int, face: Face, *, fresh: bool) -> Liveness:
        """As the stage does, with the CPU time of this thread."""
        start = time.thread_time()
        try:
            return super().look(image_rgb, time_s, track, face, fresh=fresh)
        finally:
            self.spent_ms.append((time.thread_time() - start) * 1e3)

    def cost_ms(self) -> dict[str, float]:
        """Median, mean and 95th percentile."""
        spent = np.asarray(self.spent_ms)
        values = {"median": np.median(spent), "mean": spent.mean(), "p95": np.percentile(spent, 95)}
        return {name: round(float(value), 3) for name, value in values.items()}


def planarity_trials(
    photos: Sequence[Print], finder: FaceFinder, *, tries: int, seed: int
) -> tuple[list[KindRates], dict[str, float]]:
    """Every photograph in every kind of clip, before the planarity test alone; and the real video.

    Returns:
        The errors of each kind where liveness is required, and what the stage cost.
    """
    stage = TimedStage(LivenessPolicy(mode="required"))
    judged = []
    jobs: list[tuple[str, bool, Any]] = [
        (kind.name, kind.live, (photo, kind, seed + 1000 * attempt + at))
        for kind in KINDS
        for attempt in range(tries)
        for at, photo in enumerate(photos)
    ]
    for name, live, (photo, kind, own) in tqdm(jobs, desc="clips", unit="clip", disable=None):
        judged.append(Judged(kind=name, bona_fide=live, finding=judge(clip(photo, kind, own), finder, stage)))
    for name, live, frames in (*real_clips(), *replays(finder, seed=seed)):
        judged.append(Judged(kind=name, bona_fide=live, finding=judge(frames, finder, stage)))
    return kind_rates(judged, mode="required"), stage.cost_ms()


def challenge_trials(
    photos: Sequence[Print], finder: FaceFinder, *, tries: int, seed: int
) -> tuple[list[KindRates], dict[str, float]]:
    """Every photograph as every kind of actor before the challenge and the planarity test together."""
    judged, spent = [], []
    jobs = [
        (kind, photo, seed + 1000 * attempt + at)
        for kind in ("person", "photograph", "recording")
        for attempt in range(tries)
        for at, photo in enumerate(photos)
    ]
    for kind, photo, own in tqdm(jobs, desc="challenges", unit="clip", disable=None):
        stage = TimedStage(LivenessPolicy(mode="required", challenge=True), random.Random(own))
        actor = actors(kind, photo, own)
        finding = judge(_played(actor, stage), finder, stage)
        spent += stage.spent_ms
        judged.append(Judged(kind=actor.name, bona_fide=actor.live, finding=finding))
    stage.spent_ms = spent
    return kind_rates(judged, mode="required"), stage.cost_ms()


def _played(actor: Actor, stage: LivenessStage) -> Iterator[Frame]:
    """An actor's frames; it sees what it is asked."""
    policy = stage.policy
    for index in range(round((SECONDS + policy.extra_s) * actor.rate)):
        yield replace(actor.frame(index / actor.rate, stage.prompt), index=index)
