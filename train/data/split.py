"""Who is trained on and who is not: people, never pictures, are divided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from edge_runtime.errors import DataError, UsageError
from edge_runtime.files import read_json, write_json
from edge_runtime.people import natural_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """An identity-disjoint division of people.

    Attributes:
        seed: The seed that it was drawn with.
        train: Names of the people to train on.
        validation: Names of the people to choose the best epoch on.
    """

    seed: int
    train: tuple[str, ...]
    validation: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse a division that shares people or cannot give both kinds of pairs."""
        shared = sorted(set(self.train) & set(self.validation))
        if shared:
            raise UsageError(f"the split has {', '.join(shared[:5])} in both train and validation; divide the people.")
        for half in ("train", "validation"):
            if len(set(getattr(self, half))) < 2:
                raise DataError(
                    f"the {half} half of the split has fewer than two people. Add folders of more people, or change "
                    "the share with --set split.validation=0.3"
                )


def split_people(names: Sequence[str], *, validation: float, seed: int) -> Split:
    """Divide people at random.

    Args:
        names: Everyone; the order does not matter.
        validation: Share of the people to hold back from training; two at least are.
        seed: The same seed and people give the same division.

    Raises:
        DataError: There are fewer than four people.
    """
    people = sorted(set(names), key=natural_key)
    if len(people) < 4:
        raise DataError(
            f"training needs four people at least, two to train on and two to validate on; there are {len(people)}. "
            "Add folders of more people."
        )
    held = min(max(2, round(validation * len(people))), len(people) - 2)
    order = np.random.default_rng([seed, 0x59117]).permutation(len(people))
    chosen = set(order[:held].tolist())
    return Split(
        seed=seed,
        train=tuple(name for index, name in enumerate(people) if index not in chosen),
        validation=tuple(name for index, name in enumerate(people) if index in chosen),
    )


def write_split(path: str | Path, split: Split) -> Path:
    """Write a division as JSON: ``seed``, ``train`` and ``validation``."""
    values = asdict(split)
    return write_json(path, {**values, "train": list(split.train), "validation": list(split.validation)})


def read_split(path: str | Path) -> Split:
    """Read a division that :func:`write_split` wrote, or that a person wrote by hand.

    Raises:
        DataError: The file cannot be read or lacks something.
        UsageError: It has someone in both halves.
    """
    values = read_json(path, what="the split")
    halves = [values.get("train"), values.get("validation")]
    if not all(isinstance(half, list) and all(isinstance(name, str) for name in half) for half in halves):
        raise DataError(f'the split {path} must hold "train" and "validation", two lists of people\'s names.')
    seed = values.get("seed", 0)
    if not isinstance(seed, int):
        raise DataError(f"the seed of the split {path} must be a whole number, not {seed!r}.")
    return Split(seed=seed, train=tuple(values["train"]), validation=tuple(values["validation"]))


def check_split(split: Split, names: Sequence[str]) -> None:
    """Refuse a division that names people who are not in the data.

    Raises:
        DataError: Someone is missing.
    """
    missing = [name for name in (*split.train, *split.validation) if name not in set(names)]
    if missing:
        raise DataError(
            f"the split names {len(missing)} people who are not in the data: {', '.join(missing[:5])}. "
            "Use the data that the split was made of, or leave out --split."
        )
