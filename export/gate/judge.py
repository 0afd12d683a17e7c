"""The gate: is the converted tower, in the real interpreter, still as good as the float tower?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import CheckFailed, DataError, TowerError, UsageError
from edge_runtime.measures.bootstrap import paired_bootstrap
from edge_runtime.measures.metrics import (
    PairScores,
    equal_error_rate,
    operating_point,
    pair_scores,
    roc_auc,
    tar_at_far,
    unit_rows,
)
from edge_runtime.towers.preprocess import InputSpec
from export.conversion.recipes import GateLimits, Recipe
from export.gate.result import FARS, Change, GateResult, Separation
from export.runtimes.runner import Runner

# The FAR at which a fall of the TAR is judged: coarse enough for some tens of people to resolve.
JUDGED_FAR = 1e-2
# The mean of unit vectors is this long only if all of them are one vector up to rounding.
_COLLAPSED = 0.99999


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


def embed_exported(
    runner: Runner, flatbuffer: bytes, spec: InputSpec, crops_rgb: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float32]:
    """Unit embeddings of the converted tower in its interpreter, float32 (n, d).

    Raises:
        CheckFailed: It gives a zero or non-finite embedding.
        TowerError: The interpreter fails to run it.
    """
    try:
        return runner.embed(flatbuffer, spec, crops_rgb)
    except TowerError as error:
        if not isinstance(error.__cause__, DataError):
            raise
        raise CheckFailed(
            "the gate says no: the converted tower gives a zero or non-finite embedding. Nothing was written. Check "
            "the pictures of --representative, or export with --recipe float32."
        ) from error


def judge(
    before: npt.NDArray[np.float32] | None,
    after: npt.NDArray[np.float32],
    labels: npt.NDArray[np.integer],
    recipe: Recipe,
    *,
    target_fmr: float,
) -> GateResult:
    """Compare embeddings of the same pictures before and after the conversion.

    Args:
        before: float32 (n, d) of the float tower, of any length; None if nothing was converted.
        after: float32 (n, d) of the tower in its interpreter.
        labels: Shape (n,), whose picture each is.
        recipe: Its limits are applied.
        target_fmr: For the threshold and its shift.

    Raises:
        CheckFailed: An embedding is not finite or zero, all of them are the same, or the pairs are too few.
        UsageError: There are too few impostor pairs for the target FMR.
    """
    check_pairs(labels, recipe.limits, target_fmr=target_fmr)
    if before is not None:
        refuse_degenerate(before, "float tower", "Train again: python -m train fit")
    refuse_degenerate(after, "converted tower", "Check the pictures of --representative, or use --recipe float32.")
    scores = pair_scores(after, labels)
    separation = _separation(scores, target_fmr)
    change = None if before is None else _change(before, after, labels, separation, target_fmr)
    return GateResult(
        recipe=recipe.name,
        limits=recipe.limits,
        after=separation,
        scores=scores,
        change=change,
        target_fmr=target_fmr,
        people=len(np.unique(labels)),
        pictures=len(labels),
        reasons=() if change is None else _reasons(change, recipe.limits),
    )


def _change(
    before: npt.NDArray[np.float32],
    after: npt.NDArray[np.float32],
    labels: npt.NDArray[np.integer],
    separation: Separation,
    target_fmr: float,
) -> Change:
    cosines = np.sum(unit_rows(before) * unit_rows(after), axis=1, dtype=np.float64)
    scores = pair_scores(before, labels)
    first = _separation(scores, target_fmr)
    return Change(
        before=first,
        scores=scores,
        cosine_mean=float(cosines.mean()),
        cosine_p5=float(np.percentile(cosines, 5)),
        cosine_min=float(cosines.min()),
        eer_rise=separation.eer - first.eer,
        tar_changes=tuple(
            None if one is None or two is None else two - one
            for one, two in zip(first.tar_at_far, separation.tar_at_far, strict=True)
        ),
        threshold_shift=separation.threshold - first.threshold,
        bounds=paired_bootstrap(before, after, labels, fars=FARS),
    )


def refuse_degenerate(embeddings: npt.NDArray[np.float32], what: str, advice: str) -> None:
    """Refuse embeddings that are zero, not finite, or all the same.

    Raises:
        CheckFailed: They are.
    """
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


def _reasons(change: Change, limits: GateLimits) -> tuple[str, ...]:
    reasons = []
    cosines = (("mean", change.cosine_mean, limits.min_mean_cosine), ("p5", change.cosine_p5, limits.min_p5_cosine))
    for what, cosine, least in cosines:
        if not cosine >= least:
            reasons.append(f"{what} cosine {cosine:.5f} to the float tower, at least {least:g} is needed")
    if not change.eer_rise <= limits.max_eer_rise:
        reasons.append(
            f"the EER rose by {100 * change.eer_rise:.2f} points, at most {100 * limits.max_eer_rise:g} is accepted"
        )
    tar = change.tar_changes[FARS.index(JUDGED_FAR)]
    # A TAR hangs on the few impostors beyond its threshold: a fall counts where resampling people tells it from none.
    real = change.bounds is not None and dict(change.bounds.tar_at_far)[JUDGED_FAR][1] < 0
    if tar is not None and real and not -tar <= limits.max_tar_drop:
        reasons.append(
            f"the TAR at FAR {JUDGED_FAR:g} fell by {-100 * tar:.2f} points, at most {100 * limits.max_tar_drop:g} "
            "is accepted"
        )
    return tuple(reasons)
