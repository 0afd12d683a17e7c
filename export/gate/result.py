"""What the gate measures."""

from __future__ import annotations

from dataclasses import dataclass

from edge_runtime.measures.bootstrap import Differences
from edge_runtime.measures.metrics import PairScores
from export.conversion.recipes import GateLimits

FARS = (1e-1, 1e-2, 1e-3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Separation:
    """How well embeddings tell people apart.

    Attributes:
        eer: Equal error rate, 0 to 1.
        auc: Area under the ROC curve, 0 to 1.
        tar_at_far: For each of :data:`FARS` the share of genuine pairs accepted; None where the pairs cannot tell.
        threshold: Threshold at the target FMR.
    """

    eer: float
    auc: float
    tar_at_far: tuple[float | None, ...]
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a conversion changed.

    Attributes:
        before: The float tower.
        scores: Its scores.
        cosine_mean: Mean cosine similarity of each embedding with its float original.
        cosine_p5: Its 5th percentile.
        cosine_min: Its lowest.
        eer_rise: EER after minus EER before, as a fraction; negative if it fell.
        tar_changes: For each of :data:`FARS` the TAR after minus the TAR before; None where the pairs cannot tell.
        threshold_shift: Threshold after minus threshold before.
        bounds: 95 % intervals of the differences, by resampling people; None with fewer than 8.
    """

    before: Separation
    scores: PairScores
    cosine_mean: float
    cosine_p5: float
    cosine_min: float
    eer_rise: float
    tar_changes: tuple[float | None, ...]
    threshold_shift: float
    bounds: Differences | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """What the gate measured, and what it says.

    Attributes:
        recipe: The recipe that was judged.
        limits: What it asks.
        after: The converted tower in the real interpreter.
        scores: Its scores, to solve thresholds on.
        change: What the conversion changed; None for a tower that came as a ``.tflite`` file: nothing was converted.
        target_fmr: Target FMR of the thresholds.
        people: People evaluated on.
        pictures: Pictures evaluated on.
        reasons: Why the gate says no; empty if it says yes.
    """

    recipe: str
    limits: GateLimits
    after: Separation
    scores: PairScores
    change: Change | None
    target_fmr: float
    people: int
    pictures: int
    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the conversion may be written."""
        return not self.reasons
