"""What protection changes: cosines, decisions, and the time of a verification."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.gallery.samples import looks, strangers
from edge_runtime.gallery.protection import rotation_from_seed


def cost(
    *, comparisons: int = 100_000, threshold: float = 0.5, lengths: tuple[int, ...] = (64, 128, 192, 512)
) -> list[dict[str, Any]]:
    """Compare protected and unprotected templates.

    Half of the pairs are genuine, with cosines from 0.1 to 0.95, and half are impostors.

    Args:
        comparisons: How many pairs.
        threshold: Similarity from which a pair is accepted.
        lengths: Of the embeddings.

    Returns:
        For each length: ``comparisons``, ``largest_difference`` of the cosines, ``decisions_that_differ``, ``draw_ms``
        (the rotation, once when a gallery is opened), ``median_ms`` and ``p95_ms`` of taking one probe to the
        protected space.
    """
    return [_cost(comparisons, length, threshold) for length in lengths]


def _cost(comparisons: int, length: int, threshold: float) -> dict[str, Any]:
    people = strangers(comparisons, length, seed=1)
    half = comparisons // 2
    alike = np.random.default_rng(4).uniform(0.1, 0.95, half).astype(np.float32)
    genuine = looks(people[:half], similarity=alike, seed=2)
    probes = np.concatenate([genuine, strangers(comparisons - half, length, seed=3)])
    draws = []
    for _ in range(7):
        start = time.perf_counter()
        rotation = rotation_from_seed(b"k" * 32, length)
        draws.append((time.perf_counter() - start) * 1e3)
    plain = np.einsum("ij,ij->i", people, probes)
    protected = np.einsum("ij,ij->i", rotation.apply(people), rotation.apply(probes))
    differ = int(np.count_nonzero((plain >= threshold) != (protected >= threshold)))
    times = []
    for probe in probes[:2200]:
        start = time.perf_counter()
        rotation.apply(probe)
        times.append((time.perf_counter() - start) * 1e3)
    median, p95 = np.percentile(times[200:], [50, 95])
    return {
        "embedding_length": length,
        "comparisons": comparisons,
        "largest_difference": float(np.abs(plain - protected).max()),
        "decisions_that_differ": differ,
        "draw_ms": round(float(np.median(draws)), 2),
        "median_ms": round(float(median), 4),
        "p95_ms": round(float(p95), 4),
    }
