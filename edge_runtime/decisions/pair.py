"""Do two pictures show one person? One comparison of two photographs, without a gallery."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_runtime.decisions.policy import DecisionPolicy
from edge_runtime.decisions.threshold import choose_threshold
from edge_runtime.faces.finder import FoundFace
from edge_runtime.gallery.match import Enrolled
from edge_runtime.towers.tower import Tower


@dataclass(frozen=True, slots=True, kw_only=True)
class PairDecision:
    """What a comparison came to.

    Attributes:
        verdict: ``"same"``, ``"different"``, or ``"low-quality"`` where a face is not good enough to say.
        similarity: Cosine of the two embeddings.
        threshold: Lowest similarity that makes them the same person.
        problems: For each picture, a reason code and an advice; None where nothing is wrong with it.
    """

    verdict: str
    similarity: float
    threshold: float
    problems: tuple[tuple[str, str] | None, tuple[str, str] | None]

    @property
    def same(self) -> bool:
        """Whether it is the same person; faces that are not good enough never are."""
        return self.verdict == "same"


def compare_faces(tower: Tower, first: FoundFace, second: FoundFace, threshold: float) -> PairDecision:
    """Compare two faces that were cut out with the tower's crop.

    Args:
        tower: The tower.
        first: One face.
        second: The other.
        threshold: Lowest similarity that makes them the same person.

    Raises:
        TowerError: The tower gives no embedding of one of them.
    """
    similarity = float(tower.embed_one(first.crop_rgb) @ tower.embed_one(second.crop_rgb))
    problems = (first.problem, second.problem)
    if any(problem is not None for problem in problems):
        verdict = "low-quality"
    else:
        # Not "different if below": what is no number is below nothing.
        verdict = "same" if similarity >= threshold else "different"
    return PairDecision(verdict=verdict, similarity=similarity, threshold=threshold, problems=problems)


def pair_threshold(tower: Tower, *, target_fmr: float | None = None, threshold: float | None = None) -> float:
    """The threshold of one comparison: the given one, or the card's for a target FMR.

    Raises:
        UsageError: See :func:`edge_runtime.decisions.threshold.choose_threshold`.
    """
    one = Enrolled.of({"": np.ones((1, tower.embedding_length), np.float32)})
    return choose_threshold(tower, one, DecisionPolicy(frames=1), target_fmr=target_fmr, threshold=threshold).value
