"""Who is trained on and who is measured, and the pictures of both as a network sees them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.people import natural_key
from edge_runtime.towers.preprocess import InputSpec
from train.config import SplitConfig
from train.data.faces import FaceSet, load_faces
from train.data.split import Split, divide, read_split, write_split

_KEPT_ASIDE = 0.2
# Pairs of one person grow with the square of the pictures: without a limit a single person would be most of them.
MOST_OF_ONE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Pictures as a network sees them.

    Attributes:
        calibration: Of people who are trained on, one each: uint8 of shape (n, size, size, 3).
        measured: Of the people who are measured.
    """

    calibration: npt.NDArray[np.uint8]
    measured: FaceSet


def plan_split(faces: Path, given: Path | None, out: Path) -> Split:
    """Who is trained on, and who is kept aside; nobody chooses an epoch, since the last one is delivered.

    Args:
        faces: The prepared faces.
        given: A ``split.json``; those whom it keeps aside, for whatever, are measured here.
        out: Where this division is written, or was.

    Raises:
        DataError: The faces or the division cannot be used.
    """
    if out.is_file():
        return read_split(out)
    if given is None:
        small = load_faces(faces, InputSpec(size_px=32, colour="rgb"))
        held = divide(small, SplitConfig(validation=0, test=_KEPT_ASIDE), seed=0)
    else:
        held = read_split(given)
    aside = tuple(sorted({*held.validation, *held.test}, key=natural_key))
    split = Split(seed=held.seed, train=held.train, test=aside)
    write_split(out, split)
    return split


def some_people(split: Split, count: int | None) -> frozenset[str]:
    """The people who are measured: all who are kept aside, or so many of them, always the same."""
    names = np.array(split.test, dtype=object)
    chosen = np.random.default_rng(0).permutation(len(names))[: len(names) if count is None else count]
    return frozenset(names[chosen].tolist())


def calibration_rows(faces: FaceSet, people: frozenset[str], count: int) -> npt.NDArray[np.int64]:
    """A picture each of some people, always the same: rows, in rising order."""
    rng = np.random.default_rng(0)
    numbers = [number for number, name in enumerate(faces.people) if name in people]
    first = [rng.choice(np.flatnonzero(faces.labels == number)) for number in rng.permutation(numbers)[:count]]
    return np.sort(np.array(first, dtype=np.int64))


def few_each(faces: FaceSet) -> FaceSet:
    """At most :data:`MOST_OF_ONE` pictures of each person, always the same."""
    rng = np.random.default_rng(0)
    rows = [rng.permutation(np.flatnonzero(faces.labels == one))[:MOST_OF_ONE] for one in range(len(faces.people))]
    return faces.take(np.sort(np.concatenate(rows)))


def see(folder: Path, spec: InputSpec, split: Split, *, people: int | None, calibration: int) -> Seen:
    """The pictures that a network is calibrated with and measured on.

    Raises:
        DataError: They cannot be read.
    """
    faces = load_faces(folder, spec)
    rows = calibration_rows(faces, frozenset(split.train), calibration)
    measured = few_each(faces.select(some_people(split, people)))
    return Seen(calibration=np.asarray(faces.pixels[rows]), measured=measured)
