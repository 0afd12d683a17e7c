"""The alternating run: every tower sees every picture in turn, is timed, and what it gave then is what is scored."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edge_runtime.errors import TowerError
from export.comparison.towers import Contender

_WARM_UP = 5
_BLOCKS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """What the run gave.

    Attributes:
        embeddings: For each tower float32 of shape (n, d), unit rows: those of the first walk, which was timed.
        times_ms: float64 of shape (runs, towers): preprocessing and inference of one picture; a row is one picture.
    """

    embeddings: tuple[npt.NDArray[np.float32], ...]
    times_ms: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Time from an aligned crop to its embedding.

    Attributes:
        median_ms: Median.
        p95_ms: 95th percentile.
        ratio: Median, over the runs, of this tower's time divided by the first tower's for the same picture.
        ratio_interval: 95 % interval of that median, see :func:`ratio_interval`.
        runs: How many there were.
    """

    median_ms: float
    p95_ms: float
    ratio: float
    ratio_interval: tuple[float, float]
    runs: int


def turns(towers: int, visits: int, *, seed: int) -> npt.NDArray[np.int64]:
    """Whose turn it is: each row is an order of the towers, and over any whole block all places are shared evenly.

    A block of as many rows as there are towers holds all rotations of one order drawn at random: a Latin square, so
    that no tower always follows the same one, or always comes first after a picture was touched.

    Returns:
        int64 of shape (visits, towers).
    """
    rng = np.random.default_rng(seed)
    blocks = []
    for _ in range(math.ceil(visits / towers)):
        order = rng.permutation(towers)
        blocks.append(np.stack([np.roll(order, -place) for place in rng.permutation(towers)]))
    return np.concatenate(blocks)[:visits].astype(np.int64)


def run_race(
    contenders: Sequence[Contender], crops: Sequence[npt.NDArray[np.uint8]], *, runs: int, seed: int = 0
) -> Race:
    """Embed every picture with every tower, in turns, and time it.

    Args:
        contenders: The towers.
        crops: For each tower uint8 (n, size, size, 3), RGB: the same n pictures.
        runs: Timed runs of each tower, at least: where there are fewer pictures, more walks over them follow.
        seed: Of the order of the towers.

    Raises:
        TowerError: A tower gives an embedding that is zero or not finite; the message names it.
    """
    pictures = len(crops[0])
    visits = max(pictures, runs)
    embeddings = tuple(np.empty((pictures, one.tower.embedding_length), dtype=np.float32) for one in contenders)
    times = np.empty((visits, len(contenders)), dtype=np.float64)
    for tower, own in enumerate(crops):
        for _ in range(_WARM_UP):
            _embed(contenders[tower], own[0])
    orders = turns(len(contenders), visits, seed=seed)
    progress = tqdm(orders, desc="measuring", unit="picture", disable=not sys.stderr.isatty(), leave=False)
    for visit, order in enumerate(progress):
        for tower in order:
            crop = crops[tower][visit % pictures]
            start = time.perf_counter()
            embedding = _embed(contenders[tower], crop)
            times[visit, tower] = (time.perf_counter() - start) * 1e3
            if visit < pictures:
                embeddings[tower][visit] = embedding
    return Race(embeddings=embeddings, times_ms=times)


def _embed(one: Contender, crop_rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    try:
        return one.tower.embed_one(crop_rgb)
    except TowerError as error:
        raise TowerError(f"{one.name}: {error}") from error


def latencies(times_ms: npt.NDArray[np.float64]) -> list[Latency]:
    """Summarise the times of each tower; ratios are taken within a row, where noise hits all towers alike.

    Args:
        times_ms: Shape (runs, towers).
    """
    held = []
    for own in times_ms.T:
        median, p95 = np.percentile(own, [50, 95])
        ratios = own / times_ms[:, 0]
        held.append(
            Latency(
                median_ms=float(median),
                p95_ms=float(p95),
                ratio=float(np.median(ratios)),
                ratio_interval=ratio_interval(ratios),
                runs=len(own),
            )
        )
    return held


def ratio_interval(ratios: npt.NDArray[np.float64]) -> tuple[float, float]:
    """95 % interval of the median ratio within this run.

    Neighbouring runs share what else the machine does, so they are no independent trials: the interval is that of the
    medians of at most 30 blocks of neighbours, which load that comes and goes makes wider.

    Args:
        ratios: Shape (runs,), in the order in which they were taken.
    """
    blocks = np.array_split(ratios, min(_BLOCKS, len(ratios)))
    return median_interval(np.array([np.median(block) for block in blocks]))


def median_interval(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """95 % interval of a median between two order statistics, whatever the distribution.

    The ranks are those of the binomial distribution with p = ½ by its normal approximation (Conover 1999, "Practical
    Nonparametric Statistics", 3.2). It takes the values as independent.
    """
    ranked = np.sort(values)
    low = max(0, math.floor(len(ranked) / 2 - 0.98 * math.sqrt(len(ranked))))
    return float(ranked[low]), float(ranked[len(ranked) - 1 - low])


def dominated(times_ms: npt.NDArray[np.float64], eers: Sequence[float]) -> list[tuple[int, int]]:
    """Towers that are slower and worse than another, each with the most accurate tower that beats it in both.

    Slower means that the interval of the ratio of their times (:func:`ratio_interval`) lies above 1; worse means a
    higher EER.

    Args:
        times_ms: Shape (runs, towers).
        eers: The EER of each tower.

    Returns:
        (the beaten tower, the tower that beats it) by number.
    """
    found = []
    for tower, eer in enumerate(eers):
        better = [
            other
            for other, its in enumerate(eers)
            if its < eer and ratio_interval(times_ms[:, tower] / times_ms[:, other])[0] > 1
        ]
        if better:
            found.append((tower, min(better, key=lambda other: (eers[other], other))))
    return found
