"""Float against int8 on people that neither has seen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.demo.singles import Crops, Singles
from edge_runtime.measures.metrics import PairScores, equal_error_rate, pair_scores, roc_auc, unit_rows
from edge_runtime.towers.tower import Tower
from export.sources.keras_file import embed_float, load_keras_tower


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The float tower beside the exported file, on the same pairs.

    Attributes:
        cosine_mean: Mean cosine similarity between a picture's float and int8 embeddings.
        cosine_min: Lowest of them.
        float_scores: Pair scores of the float tower.
        int8_scores: Pair scores of the exported file.
    """

    cosine_mean: float
    cosine_min: float
    float_scores: PairScores
    int8_scores: PairScores

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values."""
        return {
            "cosine_mean": self.cosine_mean,
            "cosine_min": self.cosine_min,
            "eer_float": equal_error_rate(self.float_scores)[0],
            "eer_int8": equal_error_rate(self.int8_scores)[0],
            "auc_float": roc_auc(self.float_scores),
            "auc_int8": roc_auc(self.int8_scores),
        }


def compare(keras_file: Path, tower: Tower, found: Crops, singles: Singles) -> Comparison:
    """Embed every face with the float tower too.

    Args:
        keras_file: The float tower.
        tower: The exported file.
        found: The faces.
        singles: What the exported file makes of them.
    """
    model = load_keras_tower(keras_file, tower.spec, embedding_length=tower.embedding_length)
    as_float = unit_rows(embed_float(model, found.crops_rgb, tower.spec))
    cosines = np.sum(as_float * tower.embed(found.crops_rgb), axis=1)
    return Comparison(
        cosine_mean=float(cosines.mean()),
        cosine_min=float(cosines.min()),
        float_scores=pair_scores(as_float, found.labels),
        int8_scores=singles.scores,
    )
