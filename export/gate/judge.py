"""The gate: is the converted tower, in the real interpreter, still as good as the float tower?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import CheckFailed, DataError, TowerError, UsageError
from edge_runtime.metrics import (
    PairScores,
    equal_error_rate,
    operating_point,
    pair_scores,
    roc_auc,
    tar_at_far,
    unit_rows,
)
from edge_runtime.tower import Embedder
from export.conversion.recipes import GateLimits, Recipe

FARS = (1e-1, 1e-2, 1e-3)
# The mean of unit vectors is this long only if all of them are one vector up to rounding.
_COLLAPSED = 0.99999


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
class GateResult:
    """What the gate measured, and what it says.

    Attributes:
        recipe: The recipe that was judged.
        limits: What it asks.
        before: The float tower in Keras.
        after: The converted tower in the real interpreter.
        cosine_mean: Mean cosine similarity of each embedding with its float original.
        cosine_p5: Its 5th percentile.
        cosine_min: Its lowest.
        target_fmr: Target FMR of the two thresholds.
        people: People evaluated on.
        pictures: Pictures evaluated on.
        genuine_pairs: Pairs of one person.
        impostor_pairs: Pairs of two people.
        reasons: Why the gate says no; empty if it says yes.
        scores: The converted tower's scores, to solve thresholds on.
    """

    recipe: str
    limits: GateLimits
    before: Separation
    after: Separation
    cosine_mean: float
    cosine_p5: float
    cosine_min: float
    target_fmr: float
    people: int
    pictures: int
    genuine_pairs: int
    impostor_pairs: int
    reasons: tuple[str, ...]
    scores: PairScores

    @property
    def passed(self) -> bool:
        """Whether the conversion may be written."""
        return not self.reasons

    @property
    def eer_rise(self) -> float:
        """EER after minus EER before, as a fraction; negative if it fell."""
        return self.after.eer - self.before.eer

    @property
    def threshold_shift(self) -> float:
        """Threshold after minus threshold before."""
        return self.after.threshold - self.before.threshold


def check_pairs(labels: npt.NDArray[np.integer], limits: GateLimits, *, target_fmr: float) -> None:
    """Refuse an evaluation too small to judge by, before any work is spent on it.

    Args:
        labels: Shape (n,), whose picture each is.
        limits: What the gate asks.
        target_fmr: The FMR that the default threshold must be solved for.

    Raises:
        CheckFailed: There are too few pairs for the gate.
        UsageError: There are too few impostor pairs for that FMR.
    """
    counts = np.unique(labels, return_counts=True)[1]
    genuine = int(np.sum(counts * (counts - 1) // 2))
    impostor = len(labels) * (len(labels) - 1) // 2 - genuine
    if genuine < limits.min_genuine_pairs or impostor < limits.min_impostor_pairs:
        raise CheckFailed(
            f"the evaluation has {len(labels)} usable pictures of {len(counts)} people: {genuine} genuine and "
            f"{impostor} impostor pairs; at least {limits.min_genuine_pairs} and {limits.min_impostor_pairs} are "
            "needed. Give more people with --evaluate DIR."
        )
    if impostor * target_fmr < 1:
        coarser = next((fmr for fmr in (1e-4, 1e-3, 1e-2, 1e-1) if impostor * fmr >= 1), None)
        raise UsageError(
            f"{impostor} impostor pairs cannot resolve a false match rate of {target_fmr:g}: at least "
            f"{int(np.ceil(1 / target_fmr))} are needed. Give more people with --evaluate DIR, or a coarser target: "
            f"--fmr {coarser:g}"
        )


def embed_exported(embedder: Embedder, crops_rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Unit embeddings of the converted tower, float32 (n, d).

    Raises:
        CheckFailed: It gives a zero or non-finite embedding.
        TowerError: The interpreter fails to run it.
    """
    try:
        return embedder.embed(crops_rgb)
    except TowerError as error:
        if not isinstance(error.__cause__, DataError):
            raise
        raise CheckFailed(
            "the gate says no: the converted tower gives a zero or non-finite embedding. Nothing was written. Check "
            "the pictures of --representative, or export with --recipe float32."
        ) from error


def judge(
    before: npt.NDArray[np.float32],
    after: npt.NDArray[np.float32],
    labels: npt.NDArray[np.integer],
    recipe: Recipe,
    *,
    target_fmr: float,
) -> GateResult:
    """Compare embeddings of the same pictures before and after the conversion.

    Args:
        before: float32 (n, d) of the Keras tower, of any length.
        after: float32 (n, d) of the converted tower.
        labels: Shape (n,), whose picture each is.
        recipe: Its limits are applied.
        target_fmr: For the shift of the threshold.

    Raises:
        CheckFailed: An embedding is not finite or zero, all of them are the same, or the pairs are too few.
        UsageError: There are too few impostor pairs for the target FMR.
    """
    check_pairs(labels, recipe.limits, target_fmr=target_fmr)
    _refuse_degenerate(before, "float tower", "Train again: python -m train fit")
    _refuse_degenerate(after, "converted tower", "Check the pictures of --representative, or use --recipe float32.")
    cosines = np.sum(unit_rows(before) * unit_rows(after), axis=1, dtype=np.float64)
    float_scores, scores = pair_scores(before, labels), pair_scores(after, labels)
    first, second = _separation(float_scores, target_fmr), _separation(scores, target_fmr)
    mean = float(cosines.mean())
    return GateResult(
        recipe=recipe.name,
        limits=recipe.limits,
        before=first,
        after=second,
        cosine_mean=mean,
        cosine_p5=float(np.percentile(cosines, 5)),
        cosine_min=float(cosines.min()),
        target_fmr=target_fmr,
        people=len(np.unique(labels)),
        pictures=len(labels),
        genuine_pairs=int(scores.genuine.size),
        impostor_pairs=int(scores.impostor.size),
        reasons=_reasons(mean, second.eer - first.eer, recipe.limits),
        scores=scores,
    )


def _refuse_degenerate(embeddings: npt.NDArray[np.float32], what: str, advice: str) -> None:
    lengths = np.linalg.norm(embeddings.astype(np.float64), axis=1)
    bad = int(np.count_nonzero(~np.isfinite(lengths) | (lengths < 1e-12)))
    if bad:
        raise CheckFailed(
            f"the gate says no: {bad} of {len(lengths)} embeddings of the {what} are zero or not finite. {advice}"
        )
    spread = float(np.linalg.norm((embeddings / lengths[:, None]).mean(axis=0)))
    if spread > _COLLAPSED:
        raise CheckFailed(
            f"the gate says no: the {what} has collapsed, it gives every face the same embedding. {advice}"
        )


def _separation(scores: PairScores, target_fmr: float) -> Separation:
    point = operating_point(scores, target_fmr)
    if point is None:
        raise UsageError(f"{scores.impostor.size} impostor pairs cannot resolve a false match rate of {target_fmr:g}.")
    return Separation(
        eer=equal_error_rate(scores)[0],
        auc=roc_auc(scores),
        tar_at_far=tuple(tar_at_far(scores, far) for far in FARS),
        threshold=point.threshold,
    )


def _reasons(mean_cosine: float, eer_rise: float, limits: GateLimits) -> tuple[str, ...]:
    reasons = []
    if not mean_cosine >= limits.min_mean_cosine:
        reasons.append(f"mean cosine {mean_cosine:.5f} to the float tower, at least {limits.min_mean_cosine} is needed")
    if not eer_rise <= limits.max_eer_rise:
        reasons.append(
            f"the EER rose by {100 * eer_rise:.2f} points, at most {100 * limits.max_eer_rise:g} is accepted"
        )
    return tuple(reasons)
