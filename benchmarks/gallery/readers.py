"""Many readers and a writer at once: no error, and no stale answer after a commit."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gallery.samples import new_gallery, person_rows, samples
from edge_runtime.gallery.keys import Access
from edge_runtime.gallery.rewriting import rekey
from edge_runtime.gallery.store import Gallery

_LENGTH = 64
# What a reader tells at its end: reads, errors, stale answers, wrong answers.
_COUNTS = struct.Struct("<4Q")


def readers(folder: Path, *, count: int = 10, seconds: float = 60.0) -> dict[str, Any]:
    """Let processes read a gallery while another enrols, removes, renames and changes the key.

    The writer notes the number of each change after its commit, in memory that all share; whoever begins to read after
    that must see that change or a later one. Readers stay open, and open anew every now and then.

    Args:
        folder: For the gallery.
        count: How many readers.
        seconds: How long.

    Returns:
        ``readers``, ``seconds``, ``commits``, ``reads``, ``errors``, ``stale``, ``wrong``.
    """
    path, access = new_gallery(folder, _LENGTH, people=20)
    shared = np.memmap(folder / "committed", dtype=np.uint64, mode="w+", shape=(1,))
    end_s = time.monotonic() + seconds
    pipes = []
    for _ in range(count):
        reading, writing = os.pipe()
        if os.fork() == 0:
            os.close(reading)
            _read(path, access, shared, end_s, writing)
        os.close(writing)
        pipes.append(reading)
    commits = _write(path, access, shared, end_s)
    totals = np.zeros(4, dtype=np.int64)
    for pipe in pipes:
        with os.fdopen(pipe, "rb") as stream:
            data = stream.read()
        # A reader that died says nothing: an error of its own.
        totals += _COUNTS.unpack(data) if len(data) == _COUNTS.size else (0, 1, 0, 0)
        os.wait()
    names = ("reads", "errors", "stale", "wrong")
    return {
        "readers": count,
        "seconds": seconds,
        "commits": commits,
        **dict(zip(names, totals.tolist(), strict=True)),
    }


def _write(path: Path, access: Access, shared: Any, end_s: float) -> int:
    with Gallery.open(path, access=access) as gallery:
        first, number = gallery.changes(), 20
        while time.monotonic() < end_s:
            gallery.enrol(f"person {number}", samples(person_rows(number, _LENGTH)))
            shared[0] = gallery.changes()
            if number % 7 == 0:
                gallery.describe(f"person {number}", add=["night shift"])
            if number % 50 == 0:
                rekey(gallery)
            if number % 3 == 0:
                with gallery.file.writing() as change:
                    from edge_runtime.gallery.people import delete

                    delete(gallery.file, change, f"person {number - 20}")
            shared[0] = gallery.changes()
            number += 1
            time.sleep(0.01)
        return gallery.changes() - first


def _read(path: Path, access: Access, shared: Any, end_s: float, out: int) -> None:
    reads = errors = stale = wrong = 0
    gallery = None
    try:
        while time.monotonic() < end_s:
            try:
                committed = int(shared[0])
                if gallery is None or reads % 40 == 0:
                    if gallery is not None:
                        gallery.close()
                    gallery = Gallery.open(path, access=access)
                stale += gallery.changes() < committed
                found = gallery.matrix()
                rows = gallery.rotation.undo(found.matrix)
                expected = np.concatenate([person_rows(int(name.split()[1]), _LENGTH) for name in found.names])
                wrong += bool(np.abs(rows - expected).max() > 1e-5)
            except Exception:
                errors += 1
            reads += 1
    finally:
        os.write(out, _COUNTS.pack(reads, errors, stale, wrong))
        os._exit(0)
