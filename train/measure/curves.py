"""The points that plots are drawn through, and CSV files of the same points."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.files import write_bytes
from edge_runtime.measures.metrics import PairCounts, Pairs, roc_curve

_BINS, _POINTS = 60, 1000

Points = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]


def roc_points(scores: Pairs) -> Points:
    """Thresholds (falling), FMR and TAR (rising): all points of a small set, some 2,000 of a large one.

    Points are left out where they lie closest in the rank of their FMR or TAR, on a logarithmic scale from both ends;
    the others are exact.
    """
    thresholds, fmr, tar = roc_curve(scores)
    if thresholds.size <= 2 * _POINTS:
        return thresholds, fmr, tar
    kept = [np.array([0, thresholds.size - 1])]
    for rates, pairs in ((fmr, scores.impostor_pairs), (tar, scores.genuine_pairs)):
        tail = np.geomspace(1, pairs, _POINTS // 2) / pairs
        kept += [np.searchsorted(rates, values - 1e-12) for values in (tail, 1 - tail)]
    chosen = np.unique(np.clip(np.concatenate(kept), 0, thresholds.size - 1))
    return thresholds[chosen], fmr[chosen], tar[chosen]


def det_points(scores: Pairs) -> Points:
    """Thresholds, FMR and FNMR where neither is 0: what normal-deviate axes can show."""
    thresholds, fmr, tar = roc_points(scores)
    inside = (fmr > 0) & (tar < 1)
    return thresholds[inside], fmr[inside], 1 - tar[inside]


def histogram(scores: Pairs) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Edges (61) of 60 bins from the lowest similarity to 1, and the genuine and impostor pairs in each (60 and 60)."""
    if isinstance(scores, PairCounts):
        values = (scores.values, scores.values)
        weights: tuple[npt.NDArray[np.int64] | None, ...] = (scores.genuine, scores.impostor)
    else:
        values, weights = (scores.genuine, scores.impostor), (None, None)
    edges = np.linspace(min(1 - 1e-6, *(kind.min() for kind in values)), 1, _BINS + 1)
    counts = [
        np.histogram(np.minimum(kind, 1), edges, weights=weight)[0].astype(np.int64)
        for kind, weight in zip(values, weights, strict=True)
    ]
    return edges, counts[0], counts[1]


def write_curves(folder: Path, scores: Pairs) -> list[Path]:
    """Write ``roc.csv``, ``det.csv`` and ``hist.csv``: what ``roc.png``, ``det.png`` and ``hist.png`` show."""
    edges, genuine, impostor = histogram(scores)
    bins = zip(edges[:-1], edges[1:], genuine.tolist(), impostor.tolist(), strict=True)
    return [
        write_table(folder / "roc.csv", ("threshold", "fmr", "tar"), zip(*roc_points(scores), strict=True)),
        write_table(folder / "det.csv", ("threshold", "fmr", "fnmr"), zip(*det_points(scores), strict=True)),
        write_table(folder / "hist.csv", ("low", "high", "genuine", "impostor"), bins),
    ]


def write_table(path: Path, heading: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Write a CSV file; floating-point numbers keep all their digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heading)
    for row in rows:
        writer.writerow([repr(float(value)) if isinstance(value, float) else value for value in row])
    return write_bytes(path, text.getvalue().encode())
