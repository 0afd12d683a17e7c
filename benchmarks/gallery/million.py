"""Very many templates: enrolment in bulk, opening, memory, and how long it takes to find one."""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gallery.samples import Rows, new_gallery, samples
from benchmarks.gallery.spread import people_alike, read_spread
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
    connections: tuple[int, ...] = (16,),
    efforts: tuple[int, ...] = (64, 256, 1024),
) -> list[dict[str, Any]]:
    """Enrol many people with one template each, and look for some of them.

    The embeddings are made up, but spread as the shipped tower's are (:mod:`benchmarks.gallery.spread`), and so are the
    other looks of people who are enrolled.

    Args:
        folder: For the gallery.
        count: How many people.
        length: Of their embeddings: so many of the axes along which the spread was measured.
        probes: How many searches, of other looks of people who are enrolled.
        connections: Edges of each row, an index for each.
        efforts: Of the index's searches.

    Returns:
        A row for each step: ``step``, ``figure``, ``unit``, and for searches, whose figure is the median, ``p95_ms``
        and ``recall`` (how often the exactly most similar row was found).
    """
    rows, chosen, seen = people_alike(read_spread().of_length(length), count, probes)
    path, access = new_gallery(folder, length)
    before_mib = _memory_mib()
    table = Told()
    note = table.note

    start = time.perf_counter()
    with Gallery.open(path, access=access) as gallery:
        gallery.enrol_many((f"person {n}", samples(rows[n : n + 1])) for n in range(count))
    note("enrol in bulk", time.perf_counter() - start, "s")
    note("file", path.stat().st_size / 2**20, "MiB")
    genuine = np.einsum("ij,ij->i", rows[chosen], seen)
    note("cosine of two looks of a person, median", float(np.median(genuine)), "")
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
    note("of the exact nearest, the person looked for", float(np.mean(np.array(exact) == chosen)), "share")
    for edges in connections:
        _indexed(table, found.matrix, seen, exact, edges, efforts)
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


def _indexed(
    table: Told, matrix: Rows, seen: Rows, exact: list[int], connections: int, efforts: tuple[int, ...]
) -> None:
    start = time.perf_counter()
    try:
        index = NearestTemplates(matrix, connections=connections)
    except MissingDependency as missing:
        say(str(missing))
        return
    named = f"usearch, {connections} connections"
    table.note(f"{named}: build the index", time.perf_counter() - start, "s")
    table.note(f"{named}: memory of the index", index.memory_bytes / 2**20, "MiB")
    table.note(f"{named}: its length as a file, which is never written", index.written_bytes / 2**20, "MiB")
    for effort in efforts:
        index.set_effort(effort)
        rows, times = _timed(lambda probe: int(index.nearest(probe)[0][0]), seen)
        recall = float(np.mean(np.array(rows) == np.array(exact)))
        table.search(f"{named}, effort {effort}, exact re-ranking", times, recall)


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
