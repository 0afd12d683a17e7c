"""Error rates at a threshold that the judged people had no part in choosing.

A threshold that is chosen on some pairs looks better on them than it is. People are put into folds; the pairs between
two folds (or within one) are judged at the threshold that the pairs of all other people choose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.measures.grouped import GroupCounts, count_groups, group_people, rank_edges
from edge_runtime.measures.metrics import PairCounts

MIN_PEOPLE = 6
_FOLDS, _POINTS = 10, 1500

# Accepted genuine and impostor pairs at each threshold (the first: all pairs) to the position of the chosen one.
Choose = Callable[[npt.NDArray[np.int64], npt.NDArray[np.int64]], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossFit:
    """Errors at thresholds that other people chose.

    Attributes:
        false_matches: Impostor pairs accepted.
        impostor_pairs: Of how many.
        false_non_matches: Genuine pairs rejected.
        genuine_pairs: Of how many.
        folds: How many folds of people there were.
        lowest: The lowest of the thresholds.
        highest: The highest; inf if the others' pairs were too few to allow any.
    """

    false_matches: int
    impostor_pairs: int
    false_non_matches: int
    genuine_pairs: int
    folds: int
    lowest: float
    highest: float

    @property
    def fmr(self) -> float:
        """Share of the impostor pairs that was accepted."""
        return self.false_matches / self.impostor_pairs

    @property
    def fnmr(self) -> float:
        """Share of the genuine pairs that was rejected."""
        return self.false_non_matches / self.genuine_pairs


def at_fmr(target: float) -> Choose:
    """Choose the lowest threshold whose FMR is at most the target."""

    def choose(_genuine: npt.NDArray[np.int64], impostor: npt.NDArray[np.int64]) -> int:
        return int(np.argmax(impostor <= target * impostor[0] + 1e-9))

    return choose


def at_eer(genuine: npt.NDArray[np.int64], impostor: npt.NDArray[np.int64]) -> int:
    """Choose the threshold at which FMR and FNMR differ least."""
    return int(np.argmin(np.abs(impostor / impostor[0] - (1 - genuine / genuine[0]))))


def people_folds(
    embeddings: npt.NDArray[np.floating], labels: npt.NDArray[np.integer], counts: PairCounts, *, seed: int = 0
) -> GroupCounts | None:
    """Pairs by ten folds of people (fewer where there are few people); None with fewer than 6 people."""
    people = int(np.unique(labels).size)
    if people < MIN_PEOPLE:
        return None
    rng = np.random.default_rng([seed, 0xF01D])
    groups = group_people(labels, most=min(_FOLDS, people // 2), rng=rng)
    return count_groups(embeddings, labels, groups, rank_edges(counts, _POINTS))


def cross_fit(folds: GroupCounts, choose: Choose) -> CrossFit | None:
    """Judge every pair at the threshold of the people outside its folds.

    Returns:
        None if the others have no pairs of one kind.
    """
    size = len(folds.genuine)
    genuine_errors = impostor_errors = 0
    used = []
    for first in range(size):
        for second in range(first, size):
            others = [fold for fold in range(size) if fold not in (first, second)]
            genuine, impostor = folds.genuine[others].sum(axis=0), folds.impostor[np.ix_(others, others)].sum((0, 1))
            if not genuine[0] or not impostor[0]:
                return None
            at = choose(genuine, impostor)
            used.append(float(folds.edges[at]) if at < len(folds.edges) - 1 else float("inf"))
            between = folds.impostor[first, second, at]
            impostor_errors += int(between if first == second else between + folds.impostor[second, first, at])
            if first == second:
                genuine_errors += int(folds.genuine[first, 0] - folds.genuine[first, at])
    return CrossFit(
        false_matches=impostor_errors,
        impostor_pairs=int(folds.impostor[..., 0].sum()),
        false_non_matches=genuine_errors,
        genuine_pairs=int(folds.genuine[:, 0].sum()),
        folds=size,
        lowest=min(used),
        highest=max(used),
    )
