"""Single pictures compared with each other: all pairs, as the device finds, aligns and embeds the faces."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edge_runtime.errors import FaceError
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.images import read_image
from edge_runtime.measures.metrics import (
    OperatingPoint,
    PairScores,
    equal_error_rate,
    pair_scores,
    point_at,
    roc_auc,
)
from edge_runtime.people import scan_people
from edge_runtime.towers.tower import Tower


@dataclass(frozen=True, slots=True, kw_only=True)
class Crops:
    """Faces that the device found.

    Attributes:
        crops_rgb: uint8 of shape (n, size, size, 3), RGB.
        labels: int64 of shape (n,): whose they are, from 0.
        missed: Number of pictures without one usable face.
    """

    crops_rgb: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    missed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Singles:
    """A tower on all pairs of some pictures.

    Attributes:
        people: Number of people.
        pictures: Number of pictures with one usable face.
        missed: Number of pictures without.
        scores: Similarities of all pairs.
        point: Error rates on them at the card's default threshold.
    """

    people: int
    pictures: int
    missed: int
    scores: PairScores
    point: OperatingPoint

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values."""
        return {
            "people": self.people,
            "pictures": self.pictures,
            "missed": self.missed,
            "genuine_pairs": self.point.genuine_pairs,
            "impostor_pairs": self.point.impostor_pairs,
            "eer": equal_error_rate(self.scores)[0],
            "auc": roc_auc(self.scores),
            "threshold": self.point.threshold,
            "fmr_at_threshold": self.point.fmr,
            "fnmr_at_threshold": self.point.fnmr,
        }


def find_crops(tower: Tower, photos: Path, models: Path) -> Crops:
    """Cut the faces out of photographs as the device would.

    Args:
        tower: Says how its crops lie.
        photos: Folder of people.
        models: Folder of the face detectors.
    """
    finder = FaceFinder(size_px=tower.spec.size_px, template=tower.card.template, models=models)
    crops, labels, missed = [], [], 0
    for label, person in enumerate(tqdm(scan_people(photos), desc="finding faces", unit="person", disable=None)):
        for path in person.pictures:
            try:
                crops.append(finder.find_one(read_image(path), name=str(path)).crop_rgb)
                labels.append(label)
            except FaceError:
                missed += 1
    return Crops(crops_rgb=np.stack(crops), labels=np.array(labels), missed=missed)


def compare_singles(tower: Tower, found: Crops) -> Singles:
    """Embed every face and compare it with every other."""
    scores = pair_scores(tower.embed(found.crops_rgb), found.labels)
    point = tower.card.operating_point()
    return Singles(
        people=len(set(found.labels.tolist())),
        pictures=len(found.labels),
        missed=found.missed,
        scores=scores,
        point=point_at(scores, point.threshold, target_fmr=point.target_fmr),
    )
