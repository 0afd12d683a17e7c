"""What a threshold does to pairs: accuracy, precision, recall and F1, on all pairs and on as many of each kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edge_runtime.measures.metrics import Pairs, errors_at
from train.measure.crossfit import CrossFit


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """Pairs that were judged.

    Attributes:
        threshold: Lowest similarity that is accepted; None where several were used (see :mod:`train.measure.crossfit`).
        origin: Where it comes from, for a person.
        false_matches: Impostor pairs accepted.
        impostor_pairs: Of how many.
        false_non_matches: Genuine pairs rejected.
        genuine_pairs: Of how many.
    """

    threshold: float | None
    origin: str
    false_matches: int
    impostor_pairs: int
    false_non_matches: int
    genuine_pairs: int

    @property
    def fmr(self) -> float:
        """Share of the impostor pairs that was accepted."""
        return self.false_matches / self.impostor_pairs

    @property
    def fnmr(self) -> float:
        """Share of the genuine pairs that was rejected."""
        return self.false_non_matches / self.genuine_pairs

    def quality(self, *, balanced: bool) -> dict[str, float]:
        """Accuracy, precision, recall and F1, each 0 to 1.

        Args:
            balanced: Weigh the two kinds of pairs alike. That is what tutorials measure who draw as many pairs of
                each kind; it is computed from all pairs and so is the mean over all such draws.
        """
        impostor = 1.0 if balanced else float(self.impostor_pairs)
        genuine = 1.0 if balanced else float(self.genuine_pairs)
        true, false = genuine * (1 - self.fnmr), impostor * self.fmr
        precision = true / (true + false) if true + false else 0.0
        recall = 1 - self.fnmr
        both = precision + recall
        return {
            "accuracy": (true + impostor - false) / (genuine + impostor),
            "precision": precision,
            "recall": recall,
            "f1": 2 * precision * recall / both if both else 0.0,
        }

    def as_mapping(self) -> dict[str, Any]:
        """The values as JSON holds them."""
        return {
            "threshold": self.threshold,
            "threshold_origin": self.origin,
            "fmr": self.fmr,
            "fnmr": self.fnmr,
            "all_pairs": self.quality(balanced=False),
            "balanced": self.quality(balanced=True),
        }


def decide(scores: Pairs, threshold: float, origin: str) -> Decisions:
    """Judge all pairs at one threshold."""
    false_matches, false_non_matches = errors_at(scores, threshold)
    return Decisions(
        threshold=threshold,
        origin=origin,
        false_matches=false_matches,
        impostor_pairs=scores.impostor_pairs,
        false_non_matches=false_non_matches,
        genuine_pairs=scores.genuine_pairs,
    )


def decided_by_others(fitted: CrossFit) -> Decisions:
    """Pairs that were judged at the EER thresholds of other people."""
    span = f"{fitted.lowest:.4f} to {fitted.highest:.4f}"
    return Decisions(
        threshold=None,
        origin=f"each pair at the EER threshold of the people outside its folds ({fitted.folds} folds: {span})",
        false_matches=fitted.false_matches,
        impostor_pairs=fitted.impostor_pairs,
        false_non_matches=fitted.false_non_matches,
        genuine_pairs=fitted.genuine_pairs,
    )
