"""Who is trained on, who chooses the best epoch, and who is kept for the last measurement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from edge_runtime.errors import DataError, UsageError
from edge_runtime.files import read_json, write_json
from edge_runtime.people import natural_key
from train.config import SplitConfig
from train.data.faces import FaceSet

PARTS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A division of people, so that nobody is in two parts; or of pictures, where that is asked for.

    Attributes:
        seed: The seed that it was drawn with.
        by: ``"people"`` or ``"pictures"``: what the names below are names of.
        train: Names of the people to train on.
        validation: Names of the people to choose the best epoch on; may be empty.
        test: Names of the people who are kept out of all of it; may be empty.
    """

    seed: int
    train: tuple[str, ...]
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    by: str = "people"

    def __post_init__(self) -> None:
        """Refuse a division that shares people or cannot give both kinds of pairs."""
        for first, second in (("train", "validation"), ("train", "test"), ("validation", "test")):
            shared = sorted(set(getattr(self, first)) & set(getattr(self, second)))
            if shared:
                raise UsageError(
                    f"the split has {', '.join(shared[:5])} in both {first} and {second}; divide the people."
                )
        if self.by not in ("people", "pictures"):
            raise UsageError(f"a split is by people or by pictures, not by {self.by!r}.")
        for part in PARTS:
            names = getattr(self, part)
            if len(set(names)) < 2 and (names or part == "train"):
                raise DataError(
                    f"the {part} part of the split has fewer than two {self.by}. Add folders of more people, or change "
                    f"the share with --set split.{'validation' if part == 'train' else part}=0.3"
                )


def split_people(names: Sequence[str], *, validation: float, seed: int, test: float = 0.0) -> Split:
    """Divide people at random.

    Args:
        names: Everyone; the order does not matter.
        validation: Share of the people to choose the best epoch on; two at least are, unless it is 0.
        seed: The same seed and people give the same division.
        test: Share of the people to keep out of it all; two at least are, unless it is 0.

    Raises:
        DataError: There are fewer than two people for each part.
    """
    people = sorted(set(names), key=natural_key)
    parts = 1 + (validation > 0) + (test > 0)
    if len(people) < 2 * parts:
        raise DataError(
            f"this training needs {('two', 'four', 'six')[parts - 1]} people at least, two in each of "
            f"{', '.join(PARTS[:parts])}; there {'is' if len(people) == 1 else 'are'} {len(people)}. "
            "Add folders of more people."
        )
    kept = min(max(2, round(test * len(people))), len(people) - 2 * (parts - 1)) if test else 0
    held = min(max(2, round(validation * len(people))), len(people) - kept - 2) if validation else 0
    order = np.random.default_rng([seed, 0x59117]).permutation(len(people)).tolist()
    chosen, tested = set(order[:held]), set(order[held : held + kept])
    return Split(
        seed=seed,
        train=tuple(name for index, name in enumerate(people) if index not in chosen | tested),
        validation=tuple(name for index, name in enumerate(people) if index in chosen),
        test=tuple(name for index, name in enumerate(people) if index in tested),
    )


def split_pictures(faces: FaceSet, *, validation: float, seed: int) -> Split:
    """Divide pictures: the set's own test half where it has one, else a share of each person's pictures.

    The same people are on both sides, so the numbers say nothing about strangers; the tutorials on digits and clothes
    measure like this.

    Raises:
        DataError: A side would be empty.
    """
    halves = getattr(faces, "halves", None)
    if halves is not None and len(set(halves)) == 2:
        held = np.array([half == "test" for half in halves])
    else:
        rng = np.random.default_rng([seed, 0x59117])
        held = np.zeros(len(faces.labels), dtype=bool)
        for person in range(len(faces.people)):
            rows = rng.permutation(np.flatnonzero(faces.labels == person))
            held[rows[: min(round(validation * rows.size), rows.size - 1)]] = True
    names = np.array(faces.names, dtype=object)
    return Split(seed=seed, by="pictures", train=tuple(names[~held]), validation=tuple(names[held]))


def divide(faces: FaceSet, config: SplitConfig, *, seed: int) -> Split:
    """Divide a set as a recipe says (see :func:`split_people` and :func:`split_pictures`)."""
    if config.by == "pictures":
        return split_pictures(faces, validation=config.validation, seed=seed)
    return split_people(faces.people, validation=config.validation, test=config.test, seed=seed)


def part_of(faces: FaceSet, split: Split, part: str) -> FaceSet | None:
    """The faces of one part (``"train"``, ``"validation"`` or ``"test"``); None where it is empty."""
    names = set(getattr(split, part))
    if not names:
        return None
    if split.by == "people":
        return faces.select(names)
    return faces.take(np.array([row for row, name in enumerate(faces.names) if name in names], dtype=np.int64))


def write_split(path: str | Path, split: Split) -> Path:
    """Write a division as JSON: ``seed``, ``by``, ``train``, ``validation`` and ``test``."""
    return write_json(path, {**asdict(split), **{part: list(getattr(split, part)) for part in PARTS}})


def read_split(path: str | Path) -> Split:
    """Read a division that :func:`write_split` wrote, or that a person wrote by hand; ``train`` must be there.

    Raises:
        DataError: The file cannot be read or lacks something.
        UsageError: It has someone in two parts.
    """
    values = read_json(path, what="the split")
    parts = [values.get(part, None if part == "train" else []) for part in PARTS]
    if not all(isinstance(part, list) and all(isinstance(name, str) for name in part) for part in parts):
        raise DataError(f'the split {path} must hold "train" and "validation", two lists of people\'s names.')
    seed, by = values.get("seed", 0), values.get("by", "people")
    if not isinstance(seed, int) or not isinstance(by, str):
        raise DataError(f"the seed of the split {path} must be a whole number, not {seed!r}.")
    return Split(seed=seed, by=by, **{part: tuple(names or ()) for part, names in zip(PARTS, parts, strict=True)})


def check_split(split: Split, names: Sequence[str]) -> None:
    """Refuse a division that names people (or pictures) that are not in the data.

    Raises:
        DataError: Someone is missing.
    """
    known = set(names)
    missing = [name for part in PARTS for name in getattr(split, part) if name not in known]
    if missing:
        raise DataError(
            f"the split names {len(missing)} {split.by} who are not in the data: {', '.join(missing[:5])}. "
            "Use the data that the split was made of, or leave out --split."
        )
