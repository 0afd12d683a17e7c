"""Float against int8 on people that neither has seen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import FaceError
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.images import read_image
from edge_runtime.measures.metrics import PairScores, equal_error_rate, pair_scores, point_at, roc_auc, unit_rows
from edge_runtime.people import scan_people
from edge_runtime.towers.tower import Tower
from export.sources.keras_file import embed_float, load_keras_tower


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two towers on the same pairs.

    Attributes:
        people: Number of people.
        pictures: Number of pictures with one usable face.
        missed: Number of pictures without.
        cosine_mean: Mean cosine similarity between a picture's float and int8 embeddings.
        cosine_min: Lowest of them.
        float_scores: Pair scores of the float tower.
        int8_scores: Pair scores of the exported file.
        threshold: The exported file's own threshold.
    """

    people: int
    pictures: int
    missed: int
    cosine_mean: float
    cosine_min: float
    float_scores: PairScores
    int8_scores: PairScores
    threshold: float

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values."""
        shipped = point_at(self.int8_scores, self.threshold, target_fmr=0.01)
        return {
            "people": self.people,
            "pictures": self.pictures,
            "missed": self.missed,
            "genuine_pairs": int(self.int8_scores.genuine.size),
            "impostor_pairs": int(self.int8_scores.impostor.size),
            "cosine_mean": self.cosine_mean,
            "cosine_min": self.cosine_min,
            "eer_float": equal_error_rate(self.float_scores)[0],
            "eer_int8": equal_error_rate(self.int8_scores)[0],
            "auc_float": roc_auc(self.float_scores),
            "auc_int8": roc_auc(self.int8_scores),
            "threshold": self.threshold,
            "fmr_at_threshold": shipped.fmr,
            "fnmr_at_threshold": shipped.fnmr,
        }


def compare(keras_file: Path, tower: Tower, photos: Path, models: Path) -> Comparison:
    """Embed every photograph with both towers and score all pairs.

    Args:
        keras_file: The float tower.
        tower: The exported file.
        photos: Folder of people whom neither has seen.
        models: Folder of the face detectors.
    """
    crops, labels, missed = _crops(tower, photos, models)
    model = load_keras_tower(keras_file, tower.spec, embedding_length=tower.embedding_length)
    as_float = unit_rows(embed_float(model, crops, tower.spec))
    as_int8 = tower.embed(crops)
    cosines = np.sum(as_float * as_int8, axis=1)
    return Comparison(
        people=len(set(labels.tolist())),
        pictures=len(crops),
        missed=missed,
        cosine_mean=float(cosines.mean()),
        cosine_min=float(cosines.min()),
        float_scores=pair_scores(as_float, labels),
        int8_scores=pair_scores(as_int8, labels),
        threshold=tower.card.operating_point().threshold,
    )


def _crops(tower: Tower, photos: Path, models: Path) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], int]:
    finder = FaceFinder(size_px=tower.spec.size_px, template=tower.card.template, models=models)
    crops, labels, missed = [], [], 0
    for label, person in enumerate(scan_people(photos)):
        for path in person.pictures:
            try:
                crops.append(finder.find_one(read_image(path), name=str(path)).crop_rgb)
                labels.append(label)
            except FaceError:
                missed += 1
    return np.stack(crops), np.array(labels), missed
