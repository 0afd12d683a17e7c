"""From the similarities of several frames to one, and the one comparison with the threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.decisions.policy import DecisionPolicy
from edge_runtime.errors import UsageError
from edge_runtime.gallery.match import margin_to_next

Rows = Sequence[npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the one comparison came to.

    Attributes:
        accepted: Whether the nearest person is accepted.
        nearest: The person with the highest similarity.
        similarity: It.
        margin: By how much it is above the next person's; None without one.
        reason: ``"match"``, ``"below-threshold"``, ``"too-few-matches"`` or ``"ambiguous"``.
    """

    accepted: bool
    nearest: str
    similarity: float
    margin: float | None
    reason: str


def fuse(similarities: Rows, weights: Sequence[float], policy: DecisionPolicy) -> npt.NDArray[np.float64]:
    """One similarity for each person.

    The weights come from quality alone and never from the similarity, so that the mean stays one of scores that were
    not selected. That k of n frames match is the same as that the k-th highest similarity does. Of fewer frames than
    were asked for, as many must match as keep the proportion.

    Args:
        similarities: For each good frame, float32 of shape (people,).
        weights: For each good frame, above 0 and at most 1.
        policy: Says how.

    Returns:
        float64 of shape (people,).
    """
    rows = np.stack(similarities).astype(np.float64)
    if policy.fusing == "k-of-n":
        needed = -(-policy.matches_needed * len(rows) // policy.frames)
        return np.sort(rows, axis=0)[-max(1, min(needed, len(rows)))]
    shares = np.asarray(weights, dtype=np.float64) if policy.fusing == "weighted" else np.ones(len(rows))
    return np.asarray(shares @ rows / shares.sum(), dtype=np.float64)


def best_possible(similarities: Rows, weights: Sequence[float], policy: DecisionPolicy) -> npt.NDArray[np.float64]:
    """What :func:`fuse` can give at most, if every frame that is still to come were a perfect match.

    Below the threshold, an attempt can be refused at once without changing what it would have come to (curtailment):
    the false match rate is that of the one comparison at the end.
    """
    left = max(0, policy.frames - len(similarities))
    perfect = [np.ones_like(similarities[0])] * left
    return fuse([*similarities, *perfect], [*weights, *[1.0] * left], policy)


def judge(
    similarities: Rows, weights: Sequence[float], names: Sequence[str], threshold: float, policy: DecisionPolicy
) -> Verdict:
    """The one comparison: the fused similarity of the nearest person against the threshold.

    Args:
        similarities: For each good frame, float32 of shape (people,).
        weights: For each good frame, above 0 and at most 1.
        names: The people.
        threshold: Lowest similarity that is accepted.
        policy: How frames are fused, and the margin that is needed.

    Raises:
        UsageError: There is no evidence, or it or the threshold is not finite.
    """
    if not len(similarities) or not len(names) or len(weights) != len(similarities):
        raise UsageError("no decision without evidence.")
    if any(row.shape != (len(names),) for row in similarities):
        raise UsageError("no decision on evidence of other people.")
    sound = np.isfinite(np.stack(similarities)).all() and all(0 < weight <= 1 for weight in weights)
    if not sound or not np.isfinite(threshold):
        raise UsageError("no decision on evidence that is not finite.")
    fused = fuse(similarities, weights, policy)
    best, margin = int(np.argmax(fused)), margin_to_next(fused)
    reason = "match"
    if not fused[best] >= threshold:
        reason = "too-few-matches" if policy.fusing == "k-of-n" else "below-threshold"
    elif margin is not None and margin < policy.min_margin:
        reason = "ambiguous"
    return Verdict(
        accepted=reason == "match", nearest=names[best], similarity=float(fused[best]), margin=margin, reason=reason
    )
