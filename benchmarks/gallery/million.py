"""Very many templates: enrolment in bulk, opening, memory, and how long it takes to find one."""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gallery.samples import Rows, looks, new_gallery, samples, strangers_alike
from edge_runtime.commands.console import say
from edge_runtime.errors import MissingDependency
from edge_runtime.gallery.nearest import NearestTemplates
from edge_runtime.gallery.store import Gallery


def million(
    folder: Path,
    *,
    count: int = 1_000_000,
    length: int = 128,
    probes: int = 1000,
    efforts: tuple[int, ...] = (64, 256, 1024),
) -> list[dict[str, Any]]:
    """Enrol many people with one template each, and look for some of them.

    The embeddings are made up, but spread as a face tower's are: unevenly over their dimensions.

    Args:
        folder: For the gallery.
        count: How many people.
        length: Of their embeddings.
        probes: How many searches, of other looks of people who are enrolled (cosine 0.8).
        efforts: Of the index's searches.

    Returns:
        A row for each step: ``step``, ``figure``, ``unit``, and for searches, whose figure is the median, ``p95_ms``
        and ``recall`` (how often the exactly most similar row was found).
    """
    rows = strangers_alike(count, length)
    path, access = new_gallery(folder, length)
    before_mib = _memory_mib()
    table = Told()
    note = table.note

    start = time.perf_counter()
    with Gallery.open(path, access=access) as gallery:
        gallery.enrol_many((f"person {n}", samples(rows[n : n + 1])) for n in range(count))
    note("enrol in bulk", time.perf_counter() - start, "s")
    note("file", path.stat().st_size / 2**20, "MiB")
    chosen = np.random.default_rng(1).integers(0, count, probes)
    seen = looks(rows[chosen], similarity=0.8, seed=5)
    del rows
    start = time.perf_counter()
    with Gallery.open(path, access=access) as gallery:
        note("open", time.perf_counter() - start, "s")
        start = time.perf_counter()
        found = gallery.matrix()
        note("read, decrypt and check everybody", time.perf_counter() - start, "s")
        start = time.perf_counter()
        gallery.enrol("one more", samples(found.matrix[:1]))
        note("enrol one more", time.perf_counter() - start, "s")
        seen = gallery.rotation.apply(seen)
    note("templates in memory", found.matrix.nbytes / 2**20, "MiB")
    note("largest memory of the process beyond the embeddings it made", _memory_mib() - before_mib, "MiB")
    exact, times = _timed(lambda probe: int(np.argmax(found.matrix @ probe)), seen)
    table.search("exact 1:N", times, 1.0)
    _indexed(table, found.matrix, seen, exact, efforts)
    return table.rows


class Told:
    """A table that says each row on stderr as it comes: the next may take minutes.

    Attributes:
        rows: What was noted so far.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def note(self, step: str, figure: float, unit: str, **more: Any) -> None:
        """Note a row."""
        self.rows.append({"step": step, "figure": round(figure, 3), "unit": unit, **more})
        say(f"{step}: {figure:.3f} {unit} {more or ''}".rstrip())

    def search(self, step: str, times: list[float], recall: float) -> None:
        """Note how long searches took, and how many of them found the right row."""
        median, p95 = np.percentile(times, [50, 95])
        self.note(step, float(median), "ms", p95_ms=round(float(p95), 3), recall=recall)


def _indexed(table: Told, matrix: Rows, seen: Rows, exact: list[int], efforts: tuple[int, ...]) -> None:
    start = time.perf_counter()
    try:
        index = NearestTemplates(matrix)
    except MissingDependency as missing:
        say(str(missing))
        return
    table.note("build the usearch index", time.perf_counter() - start, "s")
    table.note("memory of the index", index.memory_bytes / 2**20, "MiB")
    for effort in efforts:
        index.set_effort(effort)
        rows, times = _timed(lambda probe: int(index.nearest(probe)[0][0]), seen)
        recall = float(np.mean(np.array(rows) == np.array(exact)))
        table.search(f"usearch and exact re-ranking, effort {effort}", times, recall)


def _timed(search: Any, probes: Rows) -> tuple[list[int], list[float]]:
    rows, times = [], []
    for probe in probes:
        start = time.perf_counter()
        rows.append(search(probe))
        times.append((time.perf_counter() - start) * 1e3)
    return rows, times


def _memory_mib() -> float:
    """The most memory that this process has held so far, in MiB (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
