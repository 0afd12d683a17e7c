"""Error rates of verification, by the field's definitions (ISO/IEC 19795-1): the same code everywhere.

Scores are similarities: a pair is taken for one person when its score is at or above the threshold. FMR (here the
same as FAR) is the share of impostor pairs at or above it, FNMR the share of genuine pairs below it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError, UsageError

Scores: TypeAlias = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairScores:
    """Similarities of all pairs of a set.

    Attributes:
        genuine: float64 scores of pairs of one person.
        impostor: float64 scores of pairs of two people.
    """

    genuine: npt.NDArray[np.float64]
    impostor: npt.NDArray[np.float64]


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


def unit_rows(embeddings: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Embeddings of shape (n, d) scaled to length 1.

    Raises:
        DataError: A row is zero or not finite.
    """
    values = np.asarray(embeddings, dtype=np.float32)
    lengths = np.linalg.norm(values, axis=-1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths < 1e-12).any():
        raise DataError("an embedding is zero or not finite: the tower is broken. Train or export it again.")
    return np.asarray(values / lengths, dtype=np.float32)


def pair_scores(embeddings: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]) -> PairScores:
    """Cosine similarities of all pairs.

    Args:
        embeddings: Shape (n, d), of any length.
        labels: Shape (n,), whose embedding each row is.

    Raises:
        DataError: There is no genuine or no impostor pair, or an embedding is unusable.
    """
    unit = unit_rows(embeddings).astype(np.float64)
    first, second = np.triu_indices(len(unit), k=1)
    scores = (unit @ unit.T)[first, second]
    same = np.asarray(labels)[first] == np.asarray(labels)[second]
    if not same.any() or same.all():
        raise DataError("pairs of one person and of two people are needed: two people at least, one with two pictures.")
    return PairScores(genuine=scores[same], impostor=scores[~same])


def roc_curve(scores: PairScores) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """FMR and TAR (= 1 − FNMR) at every threshold that changes them.

    Returns:
        Thresholds, falling, from +inf; FMR, rising from 0 to 1; TAR, rising from 0 to 1.
    """
    values = np.concatenate([scores.genuine, scores.impostor])
    genuine = np.concatenate([np.ones(scores.genuine.size), np.zeros(scores.impostor.size)])
    order = np.argsort(-values, kind="stable")
    values, genuine = values[order], genuine[order]
    last_of_value = np.append(np.flatnonzero(np.diff(values)), values.size - 1)
    tar = np.cumsum(genuine)[last_of_value] / scores.genuine.size
    fmr = np.cumsum(1 - genuine)[last_of_value] / scores.impostor.size
    thresholds = np.concatenate([[np.inf], values[last_of_value]])
    return thresholds, np.concatenate([[0.0], fmr]), np.concatenate([[0.0], tar])


def roc_auc(scores: PairScores) -> float:
    """Area under the ROC curve: the chance that a genuine pair scores above an impostor pair (ties count half)."""
    _, fmr, tar = roc_curve(scores)
    return float(np.sum(np.diff(fmr) * (tar[1:] + tar[:-1]) / 2))


def equal_error_rate(scores: PairScores) -> tuple[float, float]:
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


def tar_at_far(scores: PairScores, far: float) -> float | None:
    """Share of genuine pairs accepted where at most ``far`` of the impostor pairs are.

    Returns:
        The share, or None if there are fewer than ``1 / far`` impostor pairs, so that the FAR cannot be resolved.
    """
    if scores.impostor.size * far < 1:
        return None
    _, fmr, tar = roc_curve(scores)
    return float(tar[fmr <= far].max())


def operating_point(scores: PairScores, target_fmr: float) -> OperatingPoint | None:
    """The lowest threshold whose measured FMR is at most the target.

    Returns:
        The operating point, or None if the pairs are too few for the target (fewer than ``1 / target_fmr``).

    Raises:
        UsageError: The target is not between 0 and 1.
    """
    if not 0 < target_fmr < 1:
        raise UsageError(f"a target FMR lies between 0 and 1, not {target_fmr}.")
    if scores.impostor.size * target_fmr < 1:
        return None
    ranked = np.sort(scores.impostor)[::-1]
    allowed = math.floor(target_fmr * ranked.size + 1e-9)
    # Just above the first impostor that must be rejected; ties with it are rejected as well.
    threshold = float(np.nextafter(ranked[allowed], np.inf)) if allowed < ranked.size else float(ranked[-1])
    return point_at(scores, threshold, target_fmr=target_fmr)


def point_at(scores: PairScores, threshold: float, *, target_fmr: float) -> OperatingPoint:
    """Error rates of a set of pairs at a threshold that may come from another set."""
    false_matches = int(np.count_nonzero(scores.impostor >= threshold))
    return OperatingPoint(
        target_fmr=target_fmr,
        threshold=threshold,
        fmr=false_matches / scores.impostor.size,
        fmr_upper=proportion_upper_bound(false_matches, scores.impostor.size),
        fnmr=float(np.mean(scores.genuine < threshold)),
        impostor_pairs=int(scores.impostor.size),
        genuine_pairs=int(scores.genuine.size),
        false_matches=false_matches,
    )


def proportion_upper_bound(events: int, trials: int, confidence: float = 0.95) -> float:
    """One-sided upper bound of a proportion by Clopper and Pearson (1934, Biometrika 26), exact for independent trials.

    Raises:
        UsageError: The numbers make no sense.
    """
    if not 0 <= events <= trials or trials < 1 or not 0 < confidence < 1:
        raise UsageError(f"no bound for {events} of {trials} at confidence {confidence}.")
    if events == trials:
        return 1.0
    k = np.arange(events + 1)
    log_choose = math.lgamma(trials + 1) - np.array([math.lgamma(i + 1) + math.lgamma(trials - i + 1) for i in k])
    low, high = events / trials, 1.0
    for _ in range(60):
        p = (low + high) / 2
        cdf = float(np.exp(log_choose + k * math.log(p) + (trials - k) * math.log1p(-p)).sum()) if p < 1 else 0.0
        low, high = (p, high) if cdf > 1 - confidence else (low, p)
    return high
