"""Verification metrics of a set of embeddings: all pairs, the field's numbers, in one table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.measures.metrics import Pairs, PairScores, equal_error_rate, pair_scores, roc_auc, tar_at_far
from edge_runtime.towers.preprocess import InputSpec, normalise

FARS = (1e-1, 1e-2, 1e-3, 1e-4)
_CHUNK = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """How well a tower tells people apart.

    Attributes:
        people: Number of people.
        pictures: Number of pictures.
        genuine_pairs: Number of pairs of one person.
        impostor_pairs: Number of pairs of two people.
        auc: Area under the ROC curve, 0 to 1.
        eer: Equal error rate, 0 to 1.
        eer_threshold: Similarity at which it is.
        tar_at_far: TAR at each FAR; None where there are too few impostor pairs to resolve it.
    """

    people: int
    pictures: int
    genuine_pairs: int
    impostor_pairs: int
    auc: float
    eer: float
    eer_threshold: float
    tar_at_far: tuple[tuple[float, float | None], ...]

    def as_mapping(self) -> dict[str, Any]:
        """The values as JSON holds them: ``tar_at_far`` maps a text such as ``"0.01"`` to a share or null."""
        return {**asdict(self), "tar_at_far": {f"{far:g}": tar for far, tar in self.tar_at_far}}

    def as_text(self) -> str:
        """The values as a table for a person."""
        rows = [
            ("people", f"{self.people}"),
            ("pictures", f"{self.pictures}"),
            ("genuine pairs", f"{self.genuine_pairs}"),
            ("impostor pairs", f"{self.impostor_pairs}"),
            ("ROC AUC", f"{self.auc:.4f}"),
            ("EER", f"{self.eer:.2%} at similarity {self.eer_threshold:.3f}"),
        ]
        for far, tar in self.tar_at_far:
            needed = f"not resolvable: {round(1 / far)} impostor pairs are needed"
            rows.append((f"TAR @ FAR {far:g}", needed if tar is None else f"{tar:.2%}"))
        return "\n".join(f"{name:<16} {value}" for name, value in rows)


def verify(
    embeddings: npt.NDArray[np.floating], labels: npt.NDArray[np.integer], fars: Sequence[float] = FARS
) -> tuple[Verification, PairScores]:
    """Compare every embedding with every other.

    Args:
        embeddings: Shape (n, d), of any length but zero.
        labels: Shape (n,), whose each is.
        fars: The FARs to give the TAR at.

    Raises:
        DataError: There is no genuine or no impostor pair, or an embedding is zero or not finite.
    """
    scores = pair_scores(embeddings, labels)
    return summarise(scores, labels, fars), scores


def summarise(scores: Pairs, labels: npt.NDArray[np.integer], fars: Sequence[float] = FARS) -> Verification:
    """The numbers of all pairs of a set.

    Args:
        scores: The pairs.
        labels: Shape (n,), whose each picture is.
        fars: The FARs to give the TAR at.
    """
    eer, threshold = equal_error_rate(scores)
    return Verification(
        people=int(np.unique(labels).size),
        pictures=len(labels),
        genuine_pairs=scores.genuine_pairs,
        impostor_pairs=scores.impostor_pairs,
        auc=roc_auc(scores),
        eer=eer,
        eer_threshold=threshold,
        tar_at_far=tuple((far, tar_at_far(scores, far)) for far in fars),
    )


def embed_pixels(
    predict: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]],
    pixels: npt.NDArray[np.uint8],
    spec: InputSpec,
) -> npt.NDArray[np.float32]:
    """Embed pictures a chunk at a time, so that a large set needs little memory.

    Args:
        predict: Normalised float32 of shape (n, size, size, channels) to embeddings of shape (n, d).
        pixels: uint8 of shape (n, size, size, channels) in the tower's colours.
        spec: The tower's input.

    Returns:
        float32 of shape (n, d).
    """
    chunks = (pixels[start : start + _CHUNK] for start in range(0, len(pixels), _CHUNK))
    return np.concatenate([predict(normalise(chunk, spec)) for chunk in chunks])
