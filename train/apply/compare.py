"""Are these two pictures of one person?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_runtime.images import Image
from train.apply.embed_files import Cropper, embed_crops
from train.apply.threshold import Threshold
from train.measure.evaluate import LoadedTower


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two pictures, compared.

    Attributes:
        first: One file.
        second: The other.
        crops_rgb: What the tower saw of each: uint8 of shape (size_px, size_px, 3).
        similarity: Cosine of their embeddings, -1 to 1.
        threshold: What it was held against.
    """

    first: Path
    second: Path
    crops_rgb: tuple[Image, Image]
    similarity: float
    threshold: Threshold

    @property
    def same(self) -> bool:
        """Whether they count as one person."""
        return self.similarity >= self.threshold.value

    @property
    def distance(self) -> float:
        """Euclidean distance of the embeddings at length 1, 0 to 2: the square root of 2 - 2 · similarity."""
        return math.sqrt(max(0.0, 2 - 2 * self.similarity))

    @property
    def verdict(self) -> str:
        """``"same"`` or ``"different"``."""
        return "same" if self.same else "different"

    def as_mapping(self) -> dict[str, Any]:
        """The values as JSON holds them."""
        return {
            "first": str(self.first),
            "second": str(self.second),
            "verdict": self.verdict,
            "similarity": self.similarity,
            "distance": self.distance,
            "threshold": self.threshold.value,
            "threshold_source": self.threshold.source,
            "threshold_origin": self.threshold.origin,
        }

    def as_text(self) -> str:
        """The values for a person."""
        rows = [
            ("verdict", self.verdict),
            ("similarity", f"{self.similarity:.3f}"),
            ("distance", f"{self.distance:.3f}"),
            ("threshold", f"{self.threshold.value:.3f}: {self.threshold.origin}"),
        ]
        return "\n".join(f"{name:<10}  {value}" for name, value in rows)


def compare_pictures(
    tower: LoadedTower, first: Path, second: Path, *, threshold: Threshold, aligned: bool = False
) -> Comparison:
    """Compare two picture files.

    Args:
        tower: See :func:`train.measure.evaluate.load_tower`.
        first: One file.
        second: The other.
        threshold: Of this tower.
        aligned: Whether they are aligned crops already.

    Raises:
        DataError: One of them cannot be used: no picture, no face, several, or not good enough.
    """
    cropper = Cropper(tower, aligned=aligned)
    crops = (cropper.crop(first), cropper.crop(second))
    one, other = embed_crops(tower, crops).astype(float)
    # Rounding can carry the cosine of equal embeddings past 1.
    similarity = min(1.0, max(-1.0, float(one @ other)))
    return Comparison(first=first, second=second, crops_rgb=crops, similarity=similarity, threshold=threshold)
