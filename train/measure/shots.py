"""N-way one-shot accuracy: is a picture nearest to another of its class, among one of each of N classes?

After Lake, Salakhutdinov and Tenenbaum 2015 (Science 350) and Koch, Zemel and Salakhutdinov 2015 ("Siamese Neural
Networks for One-shot Image Recognition"): 20 ways and 400 trials. Their trials are
fixed lists; these are drawn at random.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import UsageError
from edge_runtime.measures.metrics import proportion_interval, unit_rows

WAYS, TRIALS = 20, 400


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotAccuracy:
    """The result of N-way k-shot trials.

    Attributes:
        ways: Classes to choose from in each trial.
        shots: Examples of each.
        trials: Number of trials.
        correct: How many were right; a tie is wrong.
        accuracy: Their share.
        interval: Its 95 % interval by Clopper and Pearson over the trials: what other draws from these pictures would
            give, not what other people would.
    """

    ways: int
    shots: int
    trials: int
    correct: int
    accuracy: float
    interval: tuple[float, float]

    def as_mapping(self) -> dict[str, Any]:
        """The values as JSON holds them."""
        return asdict(self)


def usual_ways(labels: npt.NDArray[np.integer], shots: int = 1) -> int:
    """20 ways, or as many as there are people with enough pictures; 0 where no trial is possible."""
    counts = np.bincount(labels)
    enough = int(np.count_nonzero(counts >= shots))
    return min(WAYS, enough) if enough >= 2 and counts.max() > shots else 0


def measure_shots(
    embeddings: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    *,
    ways: int,
    shots: int = 1,
    trials: int = TRIALS,
    seed: int = 0,
) -> ShotAccuracy:
    """Draw trials and count the right ones.

    The similarity to a class is the mean cosine to its examples, as on the device.

    Args:
        embeddings: Shape (n, d).
        labels: Shape (n,), whose each is.
        ways: Classes in a trial, 2 or more.
        shots: Examples of each class, 1 or more.
        trials: Number of trials.
        seed: Of the draws.

    Raises:
        UsageError: The data has too few classes or pictures for such trials.
    """
    if ways < 2 or shots < 1 or trials < 1:
        raise UsageError(f"one-shot trials need 2 ways, 1 shot and 1 trial at least, not {ways}, {shots} and {trials}.")
    unit = unit_rows(embeddings).astype(np.float64)
    rows = [np.flatnonzero(labels == person) for person in np.unique(labels)]
    able = [index for index, mine in enumerate(rows) if mine.size >= shots]
    askable = [index for index in able if rows[index].size > shots]
    if len(able) < ways or not askable:
        raise UsageError(
            f"--ways {ways} --shots {shots} needs {ways} people with {shots} pictures and one of them with one more; "
            f"there are {len(able)}, {len(askable)} of them with more. Give smaller numbers."
        )
    rng = np.random.default_rng([seed, 0x5407])
    correct = sum(_trial(unit, rows, able, askable, ways, shots, rng) for _ in range(trials))
    return ShotAccuracy(
        ways=ways,
        shots=shots,
        trials=trials,
        correct=correct,
        accuracy=correct / trials,
        interval=proportion_interval(correct, trials),
    )


def _trial(
    unit: npt.NDArray[np.float64],
    rows: list[npt.NDArray[np.intp]],
    able: list[int],
    askable: list[int],
    ways: int,
    shots: int,
    rng: np.random.Generator,
) -> bool:
    asked = askable[rng.integers(len(askable))]
    others = rng.choice([index for index in able if index != asked], ways - 1, replace=False)
    query, *examples = rng.choice(rows[asked], shots + 1, replace=False)
    own = float((unit[examples] @ unit[query]).mean())
    drawn = [rng.choice(rows[index], shots, replace=False) for index in others]
    return all(own > float((unit[picked] @ unit[query]).mean()) for picked in drawn)
