"""P×K batches: P people with K pictures each, every batch a function of the seed and the step alone."""

from __future__ import annotations

import numpy as np

from train.batches.hard import Memory, draw_hard_pairs
from train.batches.pairs import draw_pairs
from train.batches.people import PeopleRows, Rows
from train.config import BatchConfig


def batch_rng(seed: int, step: int) -> np.random.Generator:
    """The generator of one batch: it depends on nothing that came before, so training can resume at any step."""
    return np.random.default_rng([seed, step])


def draw_rows(people: PeopleRows, config: BatchConfig, rng: np.random.Generator, memory: Memory | None = None) -> Rows:
    """Choose the pictures of one batch by the sampler of the recipe.

    Args:
        people: Whose picture each row is.
        config: The sampler, P and K.
        rng: The generator of this batch (:func:`batch_rng`).
        memory: What the tower made of recent pictures, for ``hard-pairs``; without it (in the first epoch) the pairs
            are random.

    Returns:
        Row numbers of shape (n,): K pictures of each of P people after one another, pairs in rows 2i and 2i + 1, or
        distinct pictures in no order.
    """
    if config.sampler == "pk":
        return draw_people(people, config, rng).ravel()
    if config.sampler == "uniform":
        return rng.choice(
            len(people.labels), size=min(config.people * config.pictures, len(people.labels)), replace=False
        )
    count = config.people * config.pictures // 2
    if config.sampler == "hard-pairs" and memory is not None:
        return draw_hard_pairs(people, count, rng, memory).ravel()
    return draw_pairs(people, count, rng).ravel()


def draw_people(people: PeopleRows, config: BatchConfig, rng: np.random.Generator) -> Rows:
    """Choose P people and K pictures of each.

    The people are distinct (all of them are taken where there are fewer than asked for). A person's pictures are
    distinct as long as there are enough; of a person with fewer, every picture comes before any comes again. A person
    with one picture so gives several augmentations of it, and impostor pairs with everyone else.

    Returns:
        Row numbers of shape (P, K), one row a person.
    """
    chosen = rng.choice(len(people.rows), size=min(config.people, len(people.rows)), replace=False)
    return np.stack([_draw_pictures(people.rows[person], config.pictures, rng) for person in chosen])


def _draw_pictures(rows: Rows, count: int, rng: np.random.Generator) -> Rows:
    rounds = -(-count // rows.size)
    return np.concatenate([rng.permutation(rows) for _ in range(rounds)])[:count]
