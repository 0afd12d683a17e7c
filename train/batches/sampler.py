"""P×K batches: P people with K pictures each, every batch a function of the seed and the step alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError
from train.config import BatchConfig

Labels = npt.NDArray[np.int64]


def batch_rng(seed: int, step: int) -> np.random.Generator:
    """The generator of one batch: it depends on nothing that came before, so training can resume at any step."""
    return np.random.default_rng([seed, step])


def draw_batch(labels: Labels, config: BatchConfig, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Choose the pictures of one batch.

    The people are distinct (all of them are taken where there are fewer than asked for). A person's pictures are
    distinct as long as there are enough; of a person with fewer, every picture comes before any comes again. A person
    with one picture so gives several augmentations of it, and impostor pairs with everyone else.

    Args:
        labels: Shape (n,), whose picture each row of the data is.
        config: P and K.
        rng: The generator of this batch (:func:`batch_rng`).

    Returns:
        Row numbers of shape (P, K), one row a person.

    Raises:
        DataError: There are fewer than two people.
    """
    people = np.unique(labels)
    if people.size < 2:
        raise DataError(f"training needs two people at least; there is {people.size}. Add folders of more people.")
    chosen = rng.choice(people, size=min(config.people, people.size), replace=False)
    return np.stack([_draw_pictures(np.flatnonzero(labels == person), config.pictures, rng) for person in chosen])


def _draw_pictures(rows: npt.NDArray[np.int64], count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    rounds = -(-count // rows.size)
    return np.concatenate([rng.permutation(rows) for _ in range(rounds)])[:count]
