"""The pictures of a folder that are most similar to one picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.errors import DataError, UsageError
from train.apply.embed_files import Cropper, Skipped, embed_crops, embed_files, list_pictures
from train.measure.evaluate import LoadedTower


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """Pictures in the order of their similarity to one.

    Attributes:
        picture: That one.
        found: The others with their similarities, the most similar first.
        searched: How many were compared.
        skipped: Those that could not be.
    """

    picture: Path
    found: tuple[tuple[Path, float], ...]
    searched: int
    skipped: tuple[Skipped, ...]

    def as_mapping(self) -> dict[str, Any]:
        """The values as JSON holds them."""
        return {
            "picture": str(self.picture),
            "found": [{"picture": str(path), "similarity": similarity} for path, similarity in self.found],
            "searched": self.searched,
            "skipped": [{"picture": str(item.path), "reason": item.reason} for item in self.skipped],
        }


def find_similar(tower: LoadedTower, picture: Path, folder: Path, *, top: int = 10, aligned: bool = False) -> Ranked:
    """Rank the pictures of a folder by their similarity to a picture.

    Args:
        tower: See :func:`train.measure.evaluate.load_tower`.
        picture: What is looked for. The same file in the folder is left out; a copy of it is not.
        folder: Searched at any depth.
        top: How many are wanted.
        aligned: Whether the pictures are aligned crops already.

    Raises:
        UsageError: ``top`` is below 1.
        DataError: The picture, or all of the folder, cannot be used.
    """
    if top < 1:
        raise UsageError(f"--top is a number of pictures from 1 on, not {top}.")
    # First, so that a picture without a face is refused before thousands are read.
    probe = embed_crops(tower, [Cropper(tower, aligned=aligned).crop(picture)])[0]
    paths = [path for path in list_pictures([folder]) if not path.samefile(picture)]
    if not paths:
        raise DataError(f"{folder} holds no other picture than {picture}. Give a folder to search.")
    embedded = embed_files(tower, paths, aligned=aligned)
    scores = np.clip(embedded.embeddings @ probe, -1, 1).astype(float)
    order = np.argsort(-scores, kind="stable")[:top]
    found = tuple((embedded.paths[row], float(scores[row])) for row in order)
    return Ranked(picture=picture, found=found, searched=len(scores), skipped=embedded.skipped)
