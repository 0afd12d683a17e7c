"""What may be wrong with prepared faces: copies, strangers in a person's folder, people who stand there twice."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edge_runtime.errors import DataError
from edge_runtime.people import read_faces_mark
from edge_runtime.towers.preprocess import InputSpec
from train.data.faces import FaceSet, load_faces
from train.prepare.likeness import People, alike_people, group_people, nearest_people, unlike_pictures
from train.prepare.near import MIN_CORRELATION, near_faces

if TYPE_CHECKING:
    from train.measure.evaluate import LoadedTower

# What is looked for without a tower, and with one.
COPY_KINDS = ("copy-other-person", "copy-same-person", "copy-other-set")
PERSON_KINDS = ("unlike-person", "two-names", "person-other-set")
_SIDE_PX, _CHUNK = 64, 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something to look at.

    Attributes:
        kind: One of :data:`COPY_KINDS` and :data:`PERSON_KINDS`.
        first: Path of a picture, or name of a person, in the faces.
        second: Its counterpart in the faces, or for ``…-other-set`` in the other set; the nearest person of an
            ``unlike-person`` picture.
        similarity: Correlation of the pictures; median cosine similarity of the embeddings to the counterpart.
        compared_with: Smallest value that is reported; for ``unlike-person`` the median similarity to its own person.
        rows: Rows of the pictures that show it best: of the faces, and of the counterpart.
        note: More for a person.
    """

    kind: str
    first: str
    second: str
    similarity: float
    compared_with: float
    rows: tuple[int, int]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The result of an audit.

    Attributes:
        folder: The faces.
        against: The other set; empty if there was none.
        tower: What made the embeddings; empty if only copies were looked for.
        faces: The faces in memory.
        other: Those of the other set.
        findings: All of them, kind by kind, the surest first.
        people: For each person name, pictures, median similarity within, nearest person and similarity to them.
    """

    folder: str
    against: str
    tower: str
    faces: FaceSet
    other: FaceSet | None
    findings: tuple[Finding, ...]
    people: tuple[dict[str, Any], ...]

    @property
    def counts(self) -> dict[str, int]:
        """Number of findings of each kind that was looked for."""
        found = Counter(item.kind for item in self.findings)
        looked = COPY_KINDS + (PERSON_KINDS if self.tower else ())
        return {kind: found[kind] for kind in looked if self.against or not kind.endswith("other-set")}


def audit_faces(folder: str | Path, *, tower: str | Path | None = None, against: str | Path | None = None) -> Audit:
    """Look for what may be wrong with faces. Nothing is changed.

    Args:
        folder: Prepared faces.
        tower: A run folder, ``.keras`` or ``.tflite`` file; without one only copies are looked for.
        against: A second set, to find the people and pictures that are in both.

    Raises:
        DataError: A folder cannot be used, or is not aligned as the tower needs it.
        UsageError: ``tower`` is no tower.
        TowerError: The tower must not be used.
    """
    loaded = _load(tower) if tower is not None else None
    folders = [Path(folder), *([Path(against)] if against is not None else [])]
    side = min([_SIDE_PX, *(int((read_faces_mark(place) or {}).get("size_px", _SIDE_PX)) for place in folders)])
    spec = loaded.colours if loaded else InputSpec(size_px=side, colour="grey")
    sets = [load_faces(place, spec) for place in folders]
    findings = _copies(sets)
    table: tuple[dict[str, Any], ...] = ()
    if loaded is not None:
        for place, faces in zip(folders, sets, strict=True):
            _check_alignment(place, faces, loaded)
        groups = [group_people(_embed(loaded.embed, faces.pixels), faces.labels) for faces in sets]
        findings += _persons(sets, groups)
        table = _people_table(sets[0], groups[0])
    return Audit(
        folder=str(folder),
        against=str(against or ""),
        tower=loaded.name if loaded else "",
        faces=sets[0],
        other=sets[1] if against is not None else None,
        findings=tuple(findings),
        people=table,
    )


def _load(tower: str | Path) -> LoadedTower:
    # Imported late: it may need TensorFlow, and it prepares photographs itself.
    from train.measure.evaluate import load_tower

    return load_tower(tower)


def _check_alignment(place: Path, faces: FaceSet, tower: LoadedTower) -> None:
    mine, wanted = faces.template, tower.template
    if mine is not None and wanted is not None and not np.allclose(mine.points, wanted.points, atol=1e-6):
        raise DataError(
            f"{place} is aligned by {mine.name!r}, the tower {tower.name} by {wanted.name!r}. "
            "Audit it with another tower, or without --tower."
        )


def _copies(sets: Sequence[FaceSet]) -> list[Finding]:
    faces, found = sets[0], []
    pairs = near_faces(faces.pixels)
    for one, two, value in zip(pairs.first.tolist(), pairs.second.tolist(), pairs.correlation.tolist(), strict=True):
        kind = "copy-same-person" if faces.labels[one] == faces.labels[two] else "copy-other-person"
        found.append(_copy(kind, faces, one, faces, two, value))
    if len(sets) == 2:
        pairs = near_faces(faces.pixels, sets[1].pixels)
        rows = zip(pairs.first.tolist(), pairs.second.tolist(), pairs.correlation.tolist(), strict=True)
        found += [_copy("copy-other-set", faces, one, sets[1], two, value) for one, two, value in rows]
    return found


def _copy(kind: str, faces: FaceSet, one: int, other: FaceSet, two: int, correlation: float) -> Finding:
    return Finding(
        kind=kind,
        first=faces.names[one],
        second=other.names[two],
        similarity=correlation,
        compared_with=MIN_CORRELATION,
        rows=(one, two),
        note="same bytes" if faces.hashes[one] == other.hashes[two] else "",
    )


def _persons(sets: Sequence[FaceSet], groups: Sequence[People]) -> list[Finding]:
    faces, people = sets[0], groups[0]
    found = [
        Finding(
            kind="unlike-person",
            first=faces.names[item.row],
            second=faces.people[item.person],
            similarity=item.other,
            compared_with=item.own,
            rows=(item.row, _typical(people, item.person)),
        )
        for item in unlike_pictures(people)
    ]
    for kind, other, group in zip(("two-names", "person-other-set"), sets, groups, strict=False):
        for pair in alike_people(people, None if group is people else group):
            found.append(
                Finding(
                    kind=kind,
                    first=faces.people[pair.first],
                    second=other.people[pair.second],
                    similarity=pair.similarity,
                    compared_with=pair.limit,
                    rows=(_typical(people, pair.first), _typical(group, pair.second)),
                )
            )
    return found


def _typical(people: People, person: int) -> int:
    """The picture of a person that is most like the others."""
    rows = people.rows[person]
    return int(rows[np.argmax(people.units[rows] @ people.means[person])])


def _embed(
    embed: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]], pixels: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float32]:
    starts = tqdm(
        range(0, len(pixels), _CHUNK), desc="embedding", unit="chunk", disable=not sys.stderr.isatty(), file=sys.stderr
    )
    return np.concatenate([embed(pixels[start : start + _CHUNK]) for start in starts])


def _people_table(faces: FaceSet, people: People) -> tuple[dict[str, Any], ...]:
    nearest = nearest_people(people)
    rows = []
    for person, name in enumerate(faces.people):
        within = float(people.within[person])
        other, similarity = nearest[person] if nearest else (None, None)
        rows.append(
            {
                "person": name,
                "pictures": len(people.rows[person]),
                "within": within if np.isfinite(within) else None,
                "nearest": None if other is None else faces.people[other],
                "nearest_similarity": similarity,
            }
        )
    return tuple(rows)
