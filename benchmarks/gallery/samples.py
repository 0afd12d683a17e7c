"""Galleries of people who do not exist, for the trials."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.gallery.header import Space
from edge_runtime.gallery.keys import Access, make_key_file
from edge_runtime.gallery.store import Gallery, Template
from edge_runtime.measures.metrics import unit_rows

Rows = npt.NDArray[np.float32]


def space(length: int) -> Space:
    """An embedding space that no tower has."""
    return Space(fingerprint="5a" * 32, embedding_length=length, tower="nobody's")


def strangers(count: int, length: int, *, seed: int = 0) -> Rows:
    """Embeddings of strangers: float32 of shape (count, length), random directions."""
    rows = np.random.default_rng(seed).standard_normal((count, length), dtype=np.float32)
    rows /= np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    return rows


def looks(rows: Rows, *, similarity: Rows | float, seed: int) -> Rows:
    """Another look of the same people: embeddings with this cosine to theirs, one for all or one for each."""
    share = np.broadcast_to(np.asarray(similarity, dtype=np.float32), len(rows))[:, None]
    noise = strangers(len(rows), rows.shape[1], seed=seed)
    noise -= np.einsum("ij,ij->i", noise, rows)[:, None] * rows
    return unit_rows(share * rows + np.sqrt(1 - share**2) * unit_rows(noise))


def samples(rows: Rows) -> list[Template]:
    """Embeddings as samples of a person."""
    return [Template(embedding=row, sharpness=50.0, interocular_px=60.0) for row in rows]


def person_rows(number: int, length: int) -> Rows:
    """The two samples of the person of a number, always the same."""
    return strangers(2, length, seed=1000 + number)


def new_gallery(folder: Path, length: int, people: int = 0) -> tuple[Path, Access]:
    """A gallery with a key of its own in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path, access = folder / "gallery.db", Access(key_file=make_key_file(folder / "gallery.key"))
    with Gallery.open(path, space(length), create=True, access=access) as gallery:
        gallery.enrol_many((f"person {n}", samples(person_rows(n, length))) for n in range(people))
    return path, access


def assert_right(path: Path, access: Access, length: int) -> set[int]:
    """Open a gallery, compare everybody in it with what was enrolled, and return their numbers.

    Raises:
        RuntimeError: Somebody has other templates than they were enrolled with.
        GalleryError: The gallery does not open, or is not whole.
    """
    with Gallery.open(path, access=access) as gallery:
        found, rotation = gallery.templates(), gallery.rotation
    numbers = {int(name.split()[1]): rotation.undo(rows) for name, rows in found.items()}
    for number, rows in numbers.items():
        if rows.shape != (2, length) or np.abs(rows - person_rows(number, length)).max() > 1e-5:
            raise RuntimeError(f"person {number} has other templates than they were enrolled with")
    return set(numbers)


def strangers_alike(count: int, length: int, *, seed: int = 0) -> Rows:
    """Embeddings of strangers that are spread unevenly over their dimensions, as those of a face tower are.

    The variance falls by the factor e every 22 dimensions: of 128 about 44 count (participation ratio), and of a
    million strangers the nearest is far more alike than among random directions.

    Returns:
        float32 of shape (count, length), rows of length 1.
    """
    rows = np.random.default_rng(seed).standard_normal((count, length), dtype=np.float32)
    rows *= np.exp(-np.arange(length, dtype=np.float32) / 44)
    rows /= np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    return rows
