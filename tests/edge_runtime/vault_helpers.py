"""Galleries for the tests of what protects them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.gallery.header import Space
from edge_runtime.gallery.keys import Access, make_key_file
from edge_runtime.gallery.store import Gallery, Template

SPACE = Space(fingerprint="ab" * 32, embedding_length=64, tower="tiny")
OTHER_SPACE = Space(fingerprint="cd" * 32, embedding_length=64, tower="other")


def made(path: Path, people: dict[str, Sequence[Template]], access: Access | None = None) -> Path:
    """A gallery of some people, without a tower."""
    with Gallery.open(path, SPACE, create=True, access=access) as gallery:
        for name, templates in people.items():
            gallery.enrol(name, templates)
    return path


def keyed(folder: Path, name: str = "other.key") -> Access:
    """Access by a new key of its own."""
    return Access(key_file=make_key_file(folder / name))


def rows_of(templates: Sequence[Template]) -> npt.NDArray[np.float32]:
    """The embeddings of some samples."""
    return np.stack([template.embedding for template in templates])


def content(path: Path, access: Access | None = None) -> dict[str, npt.NDArray[np.float32]]:
    """Everybody's templates, back in the tower's space."""
    with Gallery.open(path, access=access) as gallery:
        return {name: gallery.rotation.undo(rows) for name, rows in gallery.templates().items()}


def assert_holds(path: Path, people: dict[str, Sequence[Template]], access: Access | None = None) -> None:
    """Check that a gallery holds exactly these people with these templates."""
    found = content(path, access)
    assert set(found) == set(people)
    for name, templates in people.items():
        np.testing.assert_allclose(found[name], rows_of(templates), atol=1e-6)


def sidecars(path: Path) -> bytes:
    """Every byte of a gallery: of the file and of what SQLite keeps beside it."""
    return b"".join(p.read_bytes() for p in sorted(path.parent.glob(f"{path.name}*")))
