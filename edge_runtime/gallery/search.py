"""The most similar people of a very large gallery, by an index that never answers for people who are gone.

The index is of what the gallery was when it was built, and lives in memory alone. Each search asks first whether the
gallery has changed; if so it is read anew, and from then on the index only proposes rows that are still there, while
rows that it does not know are compared one and all. Similarities are always exact ones of the gallery as it is now.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import TracebackType

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import UsageError
from edge_runtime.gallery.match import Enrolled, person_similarities
from edge_runtime.gallery.matrix import TemplateMatrix
from edge_runtime.gallery.nearest import NearestTemplates
from edge_runtime.gallery.protection import Rotation
from edge_runtime.gallery.store import Gallery
from edge_runtime.gallery.watching import GalleryWatch, Reading

_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Similar:
    """A person and how similar a probe is to them.

    Attributes:
        name: Who.
        similarity: The mean, or the best, of the exact cosines to their templates.
    """

    name: str
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A gallery as it was read, and where the rows of the index are in it."""

    found: TemplateMatrix
    rotation: Rotation = field(repr=False)
    # For each row of the index its row in the gallery, or -1; and the rows that the index does not know.
    places: npt.NDArray[np.intp] = field(repr=False)
    unknown: npt.NDArray[np.intp] = field(repr=False)


class GallerySearch:
    """An index over a gallery that others may change meanwhile. It must be closed."""

    def __init__(
        self,
        gallery: Gallery,
        *,
        score: str = "mean",
        candidates: int = 64,
        effort: int = 512,
        connections: int = 16,
        build_effort: int = 96,
    ) -> None:
        """Read the gallery and build an index over it.

        Args:
            gallery: The gallery; it may be closed afterwards.
            score: How a person's cosines become one similarity (:data:`edge_runtime.gallery.match.PERSON_SCORES`).
            candidates: See :class:`~edge_runtime.gallery.nearest.NearestTemplates`, as for those that follow.
            effort: See there.
            connections: See there.
            build_effort: See there.

        Raises:
            GalleryError: The gallery is not whole.
            MissingDependency: ``usearch`` is not installed.
            UsageError: Nobody is enrolled, or a number is out of its range.
        """
        self._settings = {"candidates": candidates, "effort": effort, "connections": connections}
        self._settings["build_effort"] = build_effort
        self._score, self._space = score, gallery.space
        self._watch = GalleryWatch(Reading.of(gallery))
        self._index, self._held = self._built(gallery.matrix(), gallery.rotation)

    def __enter__(self) -> GallerySearch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop watching the gallery."""
        self._watch.close()

    @property
    def pending(self) -> int:
        """How many rows are compared one and all, because the index does not know them; :meth:`rebuild` when many."""
        return len(self._held.unknown)

    def rebuild(self) -> None:
        """Build the index anew, over the gallery as it is now. Of a million templates this takes many minutes.

        Raises:
            GalleryError: The gallery is gone, damaged or another one.
        """
        self._look()
        self._index, self._held = self._built(self._held.found, self._held.rotation)

    def nearest(self, probe: npt.NDArray[np.float32], count: int = 1) -> list[Similar]:
        """The people who are most similar to a probe, the best first.

        Args:
            probe: float32 of shape (d,), of length 1, in the tower's space.
            count: How many.

        Returns:
            That many, or all if there are fewer.

        Raises:
            GalleryError: The gallery is gone, damaged or another one: nobody is found then.
            UsageError: The probe is of another shape.
        """
        self._look()
        held = self._held
        if probe.shape != (held.found.matrix.shape[1],) or count < 1:
            raise UsageError(f"a probe has the shape {held.found.matrix.shape[1:]}, and one person or more are sought.")
        turned = held.rotation.apply(probe)
        owners = np.unique(held.found.owners[self._proposed(turned, count)])
        if len(owners) < min(count, len(held.found.names)):
            owners = np.arange(len(held.found.names))
        return self._ranked(turned, owners)[:count]

    def _proposed(self, turned: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.intp]:
        """Rows of the gallery that may be among the nearest."""
        held, asked = self._held, self._settings["candidates"]
        gone = int(np.count_nonzero(held.places < 0))
        places = held.places[self._index.proposed(turned, max(asked, count) + min(gone, asked))]
        return np.concatenate([places[places >= 0], held.unknown])

    def _ranked(self, turned: npt.NDArray[np.float32], owners: npt.NDArray[np.intp]) -> list[Similar]:
        found = self._held.found
        starts, ends = (np.searchsorted(found.owners, owners, side=side) for side in ("left", "right"))
        templates = {
            found.names[owner]: found.matrix[start:end] for owner, start, end in zip(owners, starts, ends, strict=True)
        }
        if not templates:
            return []
        enrolled = Enrolled.of(templates, score=self._score)
        similarities = person_similarities(turned, enrolled)
        order = np.argsort(-similarities, kind="stable")
        return [Similar(name=enrolled.names[i], similarity=float(similarities[i])) for i in order]

    def _built(self, found: TemplateMatrix, rotation: Rotation) -> tuple[NearestTemplates, _Held]:
        index = NearestTemplates(found.matrix, **self._settings)
        places = np.arange(len(found.matrix))
        return index, _Held(found=found, rotation=rotation, places=places, unknown=np.empty(0, dtype=np.intp))

    def _look(self) -> None:
        """Read the gallery anew if it has changed. What is held is replaced when all of it was read, or not at all."""
        if not self._watch.changed():
            return
        with self._watch.opened_again(self._space) as gallery:
            reading = Reading.of(gallery)
            found, rotation = gallery.matrix(), gallery.rotation
        places = moved_rows(self._index.matrix, found.matrix)
        known = np.zeros(len(found.matrix), dtype=bool)
        known[places[places >= 0]] = True
        self._held = _Held(found=found, rotation=rotation, places=places, unknown=np.flatnonzero(~known))
        self._watch.known = reading


def moved_rows(old: npt.NDArray[np.float32], new: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
    """Where rows are in another matrix, to the last bit.

    Args:
        old: float32 of shape (n, d).
        new: float32 of shape (m, d).

    Returns:
        intp of shape (n,): for each old row the number of a new one that is the same; -1 where there is none.
    """
    if not len(new):
        return np.full(len(old), -1, dtype=np.intp)
    ends = [np.ascontiguousarray(rows[:, [0, -1]]).view(np.uint64)[:, 0] for rows in (old, new)]
    order = np.argsort(ends[1], kind="stable").astype(np.intp)
    places = order[np.minimum(np.searchsorted(ends[1][order], ends[0]), len(new) - 1)]
    for start in range(0, len(old), _BLOCK):
        part = slice(start, start + _BLOCK)
        same = (old[part] == new[places[part]]).all(axis=1)
        places[part] = np.where(same, places[part], -1)
    return places
