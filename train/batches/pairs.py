"""Random pairs, as many genuine as impostor ones: what the tutorials on Siamese networks train with."""

from __future__ import annotations

import numpy as np

from edge_runtime.errors import DataError
from train.batches.people import PeopleRows, Rows


def draw_pairs(people: PeopleRows, count: int, rng: np.random.Generator) -> Rows:
    """Draw balanced pairs.

    Of every two pairs the first is genuine (a random picture of somebody with several, and another of theirs) and the
    second is an impostor pair (a random picture, and one of a random other person).

    Args:
        people: Whose picture each row is.
        count: How many pairs.
        rng: Where the randomness comes from.

    Returns:
        Row numbers of shape (count, 2).

    Raises:
        DataError: Nobody has two pictures.
    """
    pairs = np.empty((count, 2), dtype=np.int64)
    pairs[::2] = draw_genuine(people, -(-count // 2), rng)
    pairs[1::2] = draw_impostors(people, count // 2, rng)
    return pairs


def draw_genuine(people: PeopleRows, count: int, rng: np.random.Generator) -> Rows:
    """Genuine pairs of two different pictures, row numbers of shape (count, 2).

    Raises:
        DataError: Nobody has two pictures.
    """
    if not people.several.size:
        raise DataError("pairs of one person are needed, but nobody has two pictures. Add pictures.")
    sizes = np.array([people.rows[person].size for person in people.several])
    # By picture rather than by person, as a walk over all pictures would have it.
    chosen = rng.choice(people.several, size=count, p=sizes / sizes.sum())
    return np.stack([rng.choice(people.rows[person], size=2, replace=False) for person in chosen])


def draw_impostors(people: PeopleRows, count: int, rng: np.random.Generator) -> Rows:
    """Impostor pairs, row numbers of shape (count, 2): a random picture, and one of a random other person."""
    anchors = rng.integers(0, people.labels.size, count)
    others = (people.labels[anchors] + rng.integers(1, len(people.rows), count)) % len(people.rows)
    partners = [rng.choice(people.rows[person]) for person in others]
    return np.stack([anchors, np.array(partners, dtype=np.int64)], axis=1)
