"""What a tower is worth on the AT&T faces: every picture through detection and alignment, all pairs of what was found.

A tower is scored by the process that times it, with the object that it times: whoever is fast must be right as well
(Banbury et al. 2021, "MLPerf Tiny Benchmark", arXiv:2106.07597, asks for the same).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.demo.att import PEOPLE, PICTURES_EACH, extract_att
from edge_runtime.errors import FaceError
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.home import cache_folder
from edge_runtime.images import Image, read_image
from edge_runtime.measures.metrics import equal_error_rate, pair_scores, roc_auc, tar_at_far
from edge_runtime.towers.tower import Embedder

EVERYBODY = tuple(f"s{number}" for number in range(1, PEOPLE + 1))
FMRS = (1e-2, 1e-3)


@dataclass(frozen=True, slots=True, kw_only=True)
class CropSet:
    """Aligned faces.

    Attributes:
        crops_rgb: uint8 of shape (n, size, size, 3), RGB.
        labels: Shape (n,), whose each is.
        pictures: Pictures that were looked at; those without exactly one face gave no crop.
    """

    crops_rgb: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    pictures: int


def att_crops(finder: FaceFinder, people: tuple[str, ...]) -> CropSet:
    """Find and align all pictures of some of the AT&T people.

    Raises:
        FetchError: The pictures are not to be had.
    """
    folder = extract_att(cache_folder() / "att")
    crops: list[Image] = []
    labels: list[int] = []
    for label, person in enumerate(people):
        for number in range(1, PICTURES_EACH + 1):
            try:
                crops.append(finder.find_one(read_image(folder / person / f"{number}.pgm")).crop_rgb)
            except FaceError:
                continue
            labels.append(label)
    return CropSet(crops_rgb=np.stack(crops), labels=np.array(labels), pictures=len(people) * PICTURES_EACH)


def score(tower: Embedder, crops: CropSet) -> dict[str, Any]:
    """Error rates of all pairs.

    Args:
        tower: It, as it was timed.
        crops: Faces of people it was not trained on.

    Returns:
        Plain values: ``people``, ``pictures``, ``acquired``, ``genuine_pairs``, ``impostor_pairs``, ``eer``, ``auc``
        and ``tar`` by false match rate (null where the pairs are too few for it).

    Raises:
        DataError: There are no pairs of both kinds.
        TowerError: It gives a zero or non-finite embedding.
    """
    scores = pair_scores(tower.embed(crops.crops_rgb), crops.labels)
    return {
        "people": int(np.unique(crops.labels).size),
        "pictures": crops.pictures,
        "acquired": len(crops.labels),
        "genuine_pairs": scores.genuine_pairs,
        "impostor_pairs": scores.impostor_pairs,
        "eer": equal_error_rate(scores)[0],
        "auc": roc_auc(scores),
        "tar": {f"{fmr:g}": tar_at_far(scores, fmr) for fmr in FMRS},
    }
