"""Classification from one example a class: the class of the most similar example.

After Koch, Zemel and Salakhutdinov 2015, "Siamese Neural Networks for One-shot Image Recognition".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.errors import DataError, UsageError
from edge_runtime.gallery.match import Enrolled, person_similarities
from edge_runtime.images import is_image_path
from edge_runtime.people import natural_key, pictures_below, read_faces_mark
from train.apply.embed_files import EmbeddedFiles, embed_files
from train.measure.evaluate import LoadedTower

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What a picture was taken for.

    Attributes:
        path: The picture.
        nearest: The most similar class.
        similarity: To it: the mean of the cosines to its examples, -1 to 1.
        second: The next similar class.
        margin: How much less similar that is, 0 to 2.
        known: Whether the similarity reaches the limit below which a picture is of no class.
    """

    path: Path
    nearest: str
    similarity: float
    second: str
    margin: float
    known: bool

    @property
    def answer(self) -> str:
        """The class, or ``"unknown"``."""
        return self.nearest if self.known else UNKNOWN

    def as_mapping(self) -> dict[str, Any]:
        """The values as JSON holds them."""
        return {
            "picture": str(self.path),
            "class": self.answer,
            "nearest": self.nearest,
            "similarity": self.similarity,
            "second": self.second,
            "margin": self.margin,
        }


def find_examples(folder: str | Path) -> dict[str, tuple[Path, ...]]:
    """The classes of a folder with their example pictures.

    Args:
        folder: It holds one folder a class with pictures inside, or one picture a class that is named after it, or
            both.

    Raises:
        DataError: It is no folder, or holds fewer than two classes.
        UsageError: Two classes have one name.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{root} is not a folder. Give a folder with an example of each class.")
    classes: dict[str, tuple[Path, ...]] = {}
    # Sheets, which are no classes, lie beside the people of a prepared folder.
    prepared = read_faces_mark(root) is not None
    for entry in sorted(root.iterdir(), key=lambda path: natural_key(path.name)):
        if entry.name.startswith(".") or (prepared and not entry.is_dir()):
            continue
        pictures = tuple(pictures_below(entry)) if entry.is_dir() else (entry,) if is_image_path(entry) else ()
        name = entry.name if entry.is_dir() else entry.stem
        if pictures and name in classes:
            raise UsageError(f"two examples in {root} are of a class {name!r}. Put them into one folder of that name.")
        if pictures:
            classes[name] = pictures
    if len(classes) < 2:
        raise DataError(f"{root} holds {len(classes)} classes with a picture; two are needed to choose between.")
    return classes


def embed_examples(tower: LoadedTower, classes: dict[str, tuple[Path, ...]], *, aligned: bool = False) -> Enrolled:
    """Embed the examples, as a gallery holds its people.

    Raises:
        DataError: A class has an example that cannot be used: no answer could be trusted without it.
    """
    flat = [path for pictures in classes.values() for path in pictures]
    embedded = embed_files(tower, flat, aligned=aligned)
    if embedded.skipped:
        raise DataError(f"{len(embedded.skipped)} of the examples cannot be used: {embedded.skipped[0].reason}")
    ends = np.cumsum([len(pictures) for pictures in classes.values()])
    return Enrolled.of(dict(zip(classes, np.split(embedded.embeddings, ends[:-1]), strict=True)))


def guess_classes(embedded: EmbeddedFiles, examples: Enrolled, *, reject_below: float | None = None) -> list[Guess]:
    """The nearest class of each picture.

    The similarity to a class is that of the device to a person
    (:func:`edge_runtime.gallery.match.person_similarities`).

    Args:
        embedded: The pictures.
        examples: The classes.
        reject_below: Pictures less similar than this to every class are of none, -1 to 1.

    Raises:
        UsageError: The limit is no similarity.
    """
    if reject_below is not None and not -1 <= reject_below <= 1:
        raise UsageError(f"--reject-below is a cosine similarity from -1 to 1, not {reject_below}.")
    guesses = []
    for path, probe in zip(embedded.paths, embedded.embeddings, strict=True):
        scores = np.clip(person_similarities(probe, examples), -1, 1).astype(float)
        second, first = np.argsort(scores, kind="stable")[-2:]
        guesses.append(
            Guess(
                path=path,
                nearest=examples.names[first],
                similarity=float(scores[first]),
                second=examples.names[second],
                margin=float(scores[first] - scores[second]),
                known=reject_below is None or bool(scores[first] >= reject_below),
            )
        )
    return guesses
