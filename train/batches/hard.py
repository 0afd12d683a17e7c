"""Hard pairs: those that the tower got most wrong among the pictures of recent batches.

The trainer keeps the embedding that each picture had when it was last in a batch. At the start of an epoch the sampler
takes a copy of that memory, and every batch of the epoch is a function of the copy, the seed and the step: a resumed
training draws what it would have drawn. Old embeddings of a tower that learns slowly are a good guide to its present
ones (Wang et al. 2020, "Cross-Batch Memory for Embedding Learning", arXiv:1912.06798).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from train.batches.pairs import draw_genuine, draw_impostors, draw_pairs
from train.batches.people import PeopleRows, Rows

# How many random pairs each hard pair is the hardest of. The very hardest of a whole set are mostly wrong labels.
_CANDIDATES = 32
# The other half stays random, so that easy pairs are not forgotten.
_HARD_SHARE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The embeddings of recent batches.

    Attributes:
        embeddings: float32 of shape (n, d), one row for each row of the data, scaled to length 1; zero where ``seen``
            is false.
        seen: bool of shape (n,).
    """

    embeddings: npt.NDArray[np.float32]
    seen: npt.NDArray[np.bool_]


def draw_hard_pairs(people: PeopleRows, count: int, rng: np.random.Generator, memory: Memory) -> Rows:
    """Draw balanced pairs, half of them hard.

    A hard genuine pair is the least similar of 32 random genuine pairs, a hard impostor pair the most similar of 32
    random impostor pairs, both among pictures that the memory holds.

    Args:
        people: Whose picture each row is.
        count: How many pairs; genuine and impostor pairs alternate.
        rng: Where the randomness comes from.
        memory: The embeddings of recent batches.

    Returns:
        Row numbers of shape (count, 2).
    """
    pairs = draw_pairs(people, count, rng)
    hard = max(1, round(count * _HARD_SHARE / 2))
    for place, (draw, sign) in enumerate(((draw_genuine, 1.0), (draw_impostors, -1.0))):
        candidates = draw(people, hard * _CANDIDATES, rng)
        first, second = candidates.T
        scores = sign * np.einsum("nd,nd->n", memory.embeddings[first], memory.embeddings[second])
        # A pair that the memory does not hold is chosen only where it holds none of the candidates.
        scores[~(memory.seen[first] & memory.seen[second])] = np.inf
        best = scores.reshape(hard, _CANDIDATES).argmin(axis=1) + np.arange(hard) * _CANDIDATES
        pairs[place : 2 * hard : 2] = candidates[best]
    return pairs
