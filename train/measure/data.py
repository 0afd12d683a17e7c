"""The pictures of an evaluation: read, chosen, and refused where the tower was trained on them."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_runtime.errors import DataError, UsageError
from edge_runtime.faces.align import DEFAULT_TEMPLATE
from edge_runtime.faces.finder import FaceFinder
from train.data.faces import FaceSet, load_faces
from train.data.sources.open import needs_preparing
from train.data.split import part_of
from train.measure.towers import LoadedTower
from train.prepare.faces import prepare_faces

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which pictures of a source are measured.

    Attributes:
        people: Names of the people; all if empty.
        part: ``"validation"`` or ``"test"``: that part of the run's own division; None for all.
        aligned: The source holds aligned crops that other means made.
        max_pictures: Draw this many at most; None for all.
        seed: Of the draw.
    """

    people: Sequence[str] = ()
    part: str | None = None
    aligned: bool = False
    max_pictures: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what numpy's seeding would."""
        if self.seed < 0:
            raise UsageError(f"--seed must be 0 or more, not {self.seed}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The pictures that are measured.

    Attributes:
        faces: They.
        skipped: Pictures that could not be used.
        notes: What was left out and why, in sentences.
    """

    faces: FaceSet
    skipped: tuple[str, ...]
    notes: tuple[str, ...]


def read_measured(data: str | Path, tower: LoadedTower, choice: Choice) -> Measured:
    """Read a source and take what was chosen.

    Raises:
        UsageError: A name is unknown, or the tower was trained on one of the people or pictures.
        DataError: The data cannot be used.
    """
    faces, rejected = _load(data, tower, aligned=choice.aligned)
    skipped = (*rejected, *faces.skipped)
    notes: list[str] = []
    if choice.part is not None:
        faces = _of_part(faces, tower, choice.part, notes)
    if choice.people:
        unknown = [name for name in choice.people if name not in faces.people]
        if unknown:
            raise UsageError(f"--people: {', '.join(unknown)} not in {data}. Its people: {_names(faces.people)}.")
        faces = faces.select(choice.people)
    refuse_trained_people(tower, faces)
    if choice.max_pictures is not None and len(faces.labels) > choice.max_pictures:
        whole = len(faces.labels), len(faces.people)
        faces = draw_pictures(faces, choice.max_pictures, seed=choice.seed)
        notes.append(
            f"{len(faces.labels)} of {whole[0]} pictures and {len(faces.people)} of {whole[1]} people were drawn, as "
            f"evenly over the people as there are pictures, with seed {choice.seed}."
        )
    if skipped:
        notes.append(f"{len(skipped)} pictures could not be used and are left out.")
    return Measured(faces=faces, skipped=skipped, notes=tuple(notes))


def _load(data: str | Path, tower: LoadedTower, *, aligned: bool) -> tuple[FaceSet, tuple[str, ...]]:
    """The pictures of a source at the tower's size, and the photographs that gave no face."""
    if aligned or tower.template is None or not needs_preparing(data):
        faces = load_faces(data, tower.colours)
        _check_template(faces, tower, data)
        return faces, ()
    with tempfile.TemporaryDirectory(prefix="siamlite-") as scratch:
        _log.info("%s holds photographs: aligning the faces at %d px", data, tower.spec.size_px)
        finder = FaceFinder(size_px=tower.spec.size_px, template=tower.template or DEFAULT_TEMPLATE)
        prepared = prepare_faces(Path(data), Path(scratch) / "faces", finder=finder)
        for item in prepared.rejected:
            _log.warning("left out %s: %s", item.picture, item.reason)
        return load_faces(prepared.folder, tower.colours), tuple(item.picture for item in prepared.rejected)


def _check_template(faces: FaceSet, tower: LoadedTower, data: str | Path) -> None:
    if faces.template is None or tower.template is None:
        return
    if not tower.template.aligns_like(faces.template):
        raise DataError(
            f"{data} is aligned by the template {faces.template.name!r}, the tower by {tower.template.name!r}. "
            "Give the folder of photographs; it is then aligned for the tower."
        )


def _of_part(faces: FaceSet, tower: LoadedTower, part: str, notes: list[str]) -> FaceSet:
    """The people, or pictures, of one part of the run's division."""
    if tower.training is None:
        raise UsageError(f"--part {part} needs the run that divided the data: give a run folder, or --run RUN.")
    split = tower.training.split
    if not getattr(split, part):
        raise UsageError(f"the run kept nothing for {part}. Choose another --part, or --people.")
    chosen = part_of(faces, split, part) if _any_named(faces, getattr(split, part), split.by) else None
    if chosen is None:
        raise DataError(f"none of the {part} {split.by} of the run are in the data. Give the data it was trained with.")
    twice = np.array([digest in tower.trained_hashes for digest in chosen.hashes])
    if split.by == "pictures" and twice.any():
        notes.append(f"{int(twice.sum())} pictures are left out: the same bytes were trained on under another name.")
        chosen = chosen.take(np.flatnonzero(~twice))
    return chosen


def _any_named(faces: FaceSet, names: Collection[str], by: str) -> bool:
    return bool(set(names) & set(faces.people if by == "people" else faces.names))


def refuse_trained_people(tower: LoadedTower, faces: FaceSet) -> None:
    """Refuse to evaluate on what the tower was trained on: the numbers would say nothing about strangers.

    A run that divided people must not see any of those again; one that divided pictures (classes of things) must not
    see those pictures again.

    Raises:
        UsageError: Someone has the name of a person trained on, or a picture with the same bytes.
    """
    seen = [row for row, digest in enumerate(faces.hashes) if digest in tower.trained_hashes]
    if tower.training is not None and tower.training.split.by == "pictures":
        if seen:
            raise UsageError(
                f"{tower.name} was trained on {len(seen)} of these pictures, such as {faces.names[seen[0]]}. "
                "Evaluate the others with --part validation"
            )
        return
    same_bytes = {faces.people[faces.labels[row]] for row in seen}
    known = [name for name in faces.people if name in tower.trained_people or name in same_bytes]
    if known:
        others = [name for name in faces.people if name not in known]
        few = 1 < len(others) <= 50
        kept_out = tower.training is not None and tower.training.split.validation
        elsewhere = "Give other people, or --part validation" if kept_out else "Give other people."
        way = f"Evaluate the others with --people {','.join(others)}" if few else elsewhere
        raise UsageError(f"{tower.name} was trained on {len(known)} of these people: {_names(known)}. {way}")


def validation_overlap(tower: LoadedTower, faces: FaceSet) -> int:
    """How many of the pictures are the run's validation people's (or pictures): they picked the best epoch."""
    if tower.training is None:
        return 0
    split = tower.training.split
    names, hashes = set(split.validation), tower.training.hashes_of("validation")
    people = {faces.people.index(name) for name in names if name in faces.people} if split.by == "people" else set()
    return sum(
        label in people or name in names or digest in hashes
        for label, name, digest in zip(faces.labels.tolist(), faces.names, faces.hashes, strict=True)
    )


def draw_pictures(faces: FaceSet, most: int, *, seed: int) -> FaceSet:
    """Draw pictures as evenly over the people as they have them; whole people only where they outnumber the pictures.

    Everyone keeps two pictures at least, where they have them, so that genuine pairs remain.
    """
    rng = np.random.default_rng([seed, 0xD4A3])
    order = [rng.permutation(np.flatnonzero(faces.labels == person)) for person in range(len(faces.people))]
    if 2 * len(order) > most:
        order = [order[person] for person in rng.permutation(len(order))[: max(2, most // 2)]]
    sizes = np.array([rows.size for rows in order])
    each = 2
    while each < sizes.max() and np.minimum(sizes, each + 1).sum() <= most:
        each += 1
    taken = [rows[:each] for rows in order]
    spare = np.concatenate([rows[each : each + 1] for rows in order])
    room = max(0, most - sum(rows.size for rows in taken))
    return faces.take(np.sort(np.concatenate([*taken, rng.permutation(spare)[:room]]).astype(np.int64)))


def _names(names: Collection[str], limit: int = 12) -> str:
    shown = ", ".join(list(names)[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
