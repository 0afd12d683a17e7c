"""Do two pictures show one person? One comparison of two photographs, without a gallery."""

from __future__ import annotations

from dataclasses import dataclass

from edge_runtime.faces.finder import FoundFace
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
