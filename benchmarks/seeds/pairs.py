"""The tutorial's pairs and its loss in plain numpy, and what a distance is good for: nothing of the trainer's."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSet:
    """Pairs of rows of a set of pictures.

    Attributes:
        rows: int64 of shape (m, 2).
        same: bool of shape (m,): whether both are of one class.
    """

    rows: npt.NDArray[np.int64]
    same: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Pairs judged at a threshold: accepted as one class where the distance is below it.

    Attributes:
        threshold: The distance.
        accuracy: Share of the pairs judged rightly.
        precision: Share of the accepted pairs that are of one class.
        recall: Share of the pairs of one class that are accepted.
    """

    threshold: float
    accuracy: float
    precision: float
    recall: float

    def as_mapping(self) -> dict[str, float]:
        """The values as JSON holds them."""
        return asdict(self)


def tutorial_pairs(labels: Ints, *, seed: int) -> PairSet:
    """Pairs as the tutorial makes them: two for each picture.

    The first is the picture and a random one of its class, which may be itself; the second is the picture and a random
    one of all the others.

    Args:
        labels: Shape (n,), the class of each picture.
        seed: Of the draw.

    Returns:
        2n pairs, of one class and of two in turn.
    """
    rng = np.random.default_rng([seed, 0x7A1])
    count = len(labels)
    rows = np.empty((2 * count, 2), dtype=np.int64)
    rows[:, 0] = np.repeat(np.arange(count), 2)
    for label in np.unique(labels):
        inside, outside = np.flatnonzero(labels == label), np.flatnonzero(labels != label)
        rows[2 * inside, 1] = rng.choice(inside, inside.size)
        rows[2 * inside + 1, 1] = rng.choice(outside, inside.size)
    return PairSet(rows=rows, same=np.tile([True, False], count))


def pair_distances(embeddings: Floats, pairs: PairSet) -> npt.NDArray[np.float64]:
    """Euclidean distances of raw embeddings, shape (m,)."""
    first, second = (np.asarray(embeddings, dtype=np.float64)[pairs.rows[:, side]] for side in (0, 1))
    return np.linalg.norm(first - second, axis=1)


def contrastive_loss(distances: Floats, same: npt.NDArray[np.bool_], *, margin: float = 1.0) -> float:
    """Mean over the pairs of D² (one class) and max(0, margin − D)² (two classes).

    Hadsell, Chopra, LeCun 2006, "Dimensionality Reduction by Learning an Invariant Mapping", without its factor ½.
    """
    return float(np.where(same, distances**2, np.maximum(margin - distances, 0) ** 2).mean())


def best_threshold(distances: Floats, same: npt.NDArray[np.bool_]) -> float:
    """The distance at which most pairs are judged rightly: halfway between two neighbours."""
    order = np.argsort(distances, kind="stable")
    ordered, kept = distances[order], same[order]
    # Right at a cut after k pairs: those of one class among the first k, those of two among the others.
    right = np.concatenate([[0], np.cumsum(np.where(kept, 1, -1))])
    # Equal distances cannot be told apart by any cut.
    right[1:-1][ordered[1:] == ordered[:-1]] = np.iinfo(right.dtype).min
    cut = int(right.argmax())
    edges = np.concatenate([[ordered[0] - 1], ordered, [ordered[-1] + 1]])
    return float((edges[cut] + edges[cut + 1]) / 2)


def judge(distances: Floats, same: npt.NDArray[np.bool_], threshold: float) -> Judged:
    """Judge pairs at a threshold that other pairs chose."""
    accepted = distances < threshold
    hits = int((accepted & same).sum())
    return Judged(
        threshold=threshold,
        accuracy=float((accepted == same).mean()),
        precision=hits / max(1, int(accepted.sum())),
        recall=hits / max(1, int(same.sum())),
    )


def one_shot(embeddings: Floats, labels: Ints, *, trials: int, seed: int) -> float:
    """Share of one-shot trials that are right: is a picture nearest to the one example of its class?

    Each trial draws one example of every class, and one more picture of a random class. The distance is Euclidean, as
    in the loss.

    Args:
        embeddings: Shape (n, d).
        labels: Shape (n,), with two pictures of each class at least.
        trials: How many.
        seed: Of the draws.
    """
    rng = np.random.default_rng([seed, 0x1507])
    rows = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    values = np.asarray(embeddings, dtype=np.float64)
    right = 0
    for _ in range(trials):
        asked = int(rng.integers(len(rows)))
        examples = [int(rng.choice(mine)) for mine in rows]
        query = int(rng.choice(rows[asked][rows[asked] != examples[asked]]))
        right += int(np.linalg.norm(values[examples] - values[query], axis=1).argmin()) == asked
    return right / trials


def nearest_class(embeddings: Floats, labels: Ints, examples: Floats) -> float:
    """Share of pictures whose nearest example (row i is of class i; Euclidean) is of their class."""
    values, known = np.asarray(embeddings, dtype=np.float64), np.asarray(examples, dtype=np.float64)
    # The square of the picture's own length is the same for every class.
    nearness = (known**2).sum(axis=1) - 2 * values @ known.T
    return float((nearness.argmin(axis=1) == labels).mean())
