"""Every single-bit flip of a small gallery: harmless or refused, never a wrong person or a crash."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gallery.samples import new_gallery, person_rows
from edge_runtime.errors import GalleryError
from edge_runtime.gallery.keys import Access
from edge_runtime.gallery.store import Gallery

_LENGTH, _PEOPLE = 8, 3


def bits(folder: Path, *, stride: int = 1) -> dict[str, Any]:
    """Flip one bit, read everything, and flip it back; for all bits of the file.

    Args:
        folder: For the gallery.
        stride: Only each so many-th bit.

    Returns:
        ``file_bytes``, ``flips``, ``refused``, ``harmless``, ``wrong``, ``crashes``.
    """
    path, access = new_gallery(folder, _LENGTH, people=_PEOPLE)
    _pack(path)
    whole = path.read_bytes()
    found = {"refused": 0, "harmless": 0, "wrong": 0, "crashes": 0}
    flips = range(0, 8 * len(whole), stride)
    for bit in flips:
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        found[_outcome(path, access)] += 1
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    return {"file_bytes": len(whole), "flips": len(flips), **found}


def _pack(path: Path) -> None:
    """Small pages, so that most of the file is something and every bit of it can be tried."""
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in ("PRAGMA journal_mode = DELETE", "PRAGMA page_size = 512", "VACUUM", "PRAGMA journal_mode = WAL"):
        connection.execute(statement)
    connection.close()


def _outcome(path: Path, access: Access) -> str:
    try:
        with Gallery.open(path, access=access) as gallery:
            found, people = gallery.matrix(), gallery.people()
            rows = gallery.rotation.undo(found.matrix)
    except GalleryError:
        return "refused"
    except Exception:
        return "crashes"
    names = [f"person {n}" for n in range(_PEOPLE)]
    expected = np.concatenate([person_rows(n, _LENGTH) for n in range(_PEOPLE)])
    right = list(found.names) == names == [p.name for p in people] and np.abs(rows - expected).max() < 1e-5
    return "harmless" if right else "wrong"
