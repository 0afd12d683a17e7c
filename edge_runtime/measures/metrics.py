"""Error rates of verification, by the field's definitions (ISO/IEC 19795-1): the same code everywhere.

Scores are similarities: a pair is taken for one person when its score is at or above the threshold. FMR (here the
same as FAR) is the share of impostor pairs at or above it, FNMR the share of genuine pairs below it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import UsageError
from edge_runtime.measures.proportions import proportion_interval, proportion_upper_bound
from edge_runtime.measures.scores import PairCounts, Pairs, PairScores, count_pairs, pair_scores, unit_rows

__all__ = [
    "OperatingPoint",
    "PairCounts",
    "PairScores",
    "Pairs",
    "count_pairs",
    "equal_error_rate",
    "errors_at",
    "operating_point",
    "pair_scores",
    "point_at",
    "proportion_interval",
    "proportion_upper_bound",
    "roc_auc",
    "roc_curve",
    "tar_at_far",
    "threshold_for",
    "unit_rows",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """Error rates at a threshold.

    Attributes:
        target_fmr: The FMR that was asked for.
        threshold: Lowest similarity that is accepted.
        fmr: Measured share of impostor pairs accepted.
        fmr_upper: One-sided 95 % upper confidence bound of it, taking the pairs as independent (they are not quite,
            so the true bound is looser).
        fnmr: Measured share of genuine pairs rejected.
        impostor_pairs: How many impostor pairs there were.
        genuine_pairs: How many genuine pairs there were.
        false_matches: How many impostor pairs were accepted.
    """

    target_fmr: float
    threshold: float
    fmr: float
    fmr_upper: float
    fnmr: float
    impostor_pairs: int
    genuine_pairs: int
    false_matches: int


def roc_curve(scores: Pairs) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """FMR and TAR (= 1 − FNMR) at every threshold that changes them.

    Returns:
        Thresholds, falling, from +inf; FMR, rising from 0 to 1; TAR, rising from 0 to 1.
    """
    values, genuine, impostor = _accepted(scores)
    thresholds = np.concatenate([[np.inf], values])
    fmr, tar = impostor / scores.impostor_pairs, genuine / scores.genuine_pairs
    return thresholds, np.concatenate([[0.0], fmr]), np.concatenate([[0.0], tar])


def _accepted(
    scores: Pairs,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """All values, falling, and how many genuine and impostor pairs are accepted at each."""
    if isinstance(scores, PairCounts):
        genuine, impostor = (np.cumsum(counts[::-1], dtype=np.float64) for counts in (scores.genuine, scores.impostor))
        return scores.values[::-1], genuine, impostor
    values = np.concatenate([scores.genuine, scores.impostor])
    of_one = np.concatenate([np.ones(scores.genuine.size), np.zeros(scores.impostor.size)])
    order = np.argsort(-values, kind="stable")
    values, of_one = values[order], of_one[order]
    last_of_value = np.append(np.flatnonzero(np.diff(values)), values.size - 1)
    return values[last_of_value], np.cumsum(of_one)[last_of_value], np.cumsum(1 - of_one)[last_of_value]


def roc_auc(scores: Pairs) -> float:
    """Area under the ROC curve: the chance that a genuine pair scores above an impostor pair (ties count half)."""
    _, fmr, tar = roc_curve(scores)
    return float(np.sum(np.diff(fmr) * (tar[1:] + tar[:-1]) / 2))


def equal_error_rate(scores: Pairs) -> tuple[float, float]:
    """EER and its threshold: where FMR and FNMR cross, interpolated between the two nearest thresholds."""
    thresholds, fmr, tar = roc_curve(scores)
    gap = fmr - (1 - tar)
    right = int(np.argmax(gap >= 0))
    if gap[right] == 0:
        return float(fmr[right]), float(thresholds[right])
    left = right - 1
    share = -gap[left] / (gap[right] - gap[left])
    eer = fmr[left] + share * (fmr[right] - fmr[left])
    return float(eer), float(thresholds[right])


def tar_at_far(scores: Pairs, far: float) -> float | None:
    """Share of genuine pairs accepted where at most ``far`` of the impostor pairs are.

    Returns:
        The share, or None if there are fewer than ``1 / far`` impostor pairs, so that the FAR cannot be resolved.
    """
    if scores.impostor_pairs * far < 1:
        return None
    _, fmr, tar = roc_curve(scores)
    return float(tar[fmr <= far].max())


def operating_point(scores: Pairs, target_fmr: float) -> OperatingPoint | None:
    """The lowest threshold whose measured FMR is at most the target.

    Returns:
        The operating point, or None if the pairs are too few for the target (fewer than ``1 / target_fmr``).

    Raises:
        UsageError: The target is not between 0 and 1.
    """
    if not 0 < target_fmr < 1:
        raise UsageError(f"a target FMR lies between 0 and 1, not {target_fmr}.")
    if scores.impostor_pairs * target_fmr < 1:
        return None
    return point_at(scores, threshold_for(scores, target_fmr), target_fmr=target_fmr)


def threshold_for(scores: Pairs, target_fmr: float) -> float:
    """The lowest threshold whose measured FMR is at most the target; above all impostors if they are too few for it."""
    allowed = math.floor(target_fmr * scores.impostor_pairs + 1e-9)
    if isinstance(scores, PairCounts):
        accepted = np.cumsum(scores.impostor[::-1])[::-1]
        refused = np.flatnonzero(accepted > allowed)
        # Counts are known at the ends of cells: the threshold is the upper end of the first that must be rejected.
        return float(scores.values[refused[-1]] + scores.step) if refused.size else float(scores.values[0])
    ranked = np.sort(scores.impostor)[::-1]
    # Just above the first impostor that must be rejected; ties with it are rejected as well.
    return float(np.nextafter(ranked[allowed], np.inf)) if allowed < ranked.size else float(ranked[-1])


def point_at(scores: Pairs, threshold: float, *, target_fmr: float) -> OperatingPoint:
    """Error rates of a set of pairs at a threshold that may come from another set."""
    false_matches, false_non_matches = errors_at(scores, threshold)
    return OperatingPoint(
        target_fmr=target_fmr,
        threshold=threshold,
        fmr=false_matches / scores.impostor_pairs,
        fmr_upper=proportion_upper_bound(false_matches, scores.impostor_pairs),
        fnmr=false_non_matches / scores.genuine_pairs,
        impostor_pairs=scores.impostor_pairs,
        genuine_pairs=scores.genuine_pairs,
        false_matches=false_matches,
    )


def errors_at(scores: Pairs, threshold: float) -> tuple[int, int]:
    """How many impostor pairs are accepted at a threshold, and how many genuine pairs are rejected.

    For counts on a grid the threshold is taken as the grid's next lower one.
    """
    if isinstance(scores, PairCounts):
        accepted = scores.values > threshold - scores.step
        return int(scores.impostor[accepted].sum()), int(scores.genuine[~accepted].sum())
    return int(np.count_nonzero(scores.impostor >= threshold)), int(np.count_nonzero(scores.genuine < threshold))
