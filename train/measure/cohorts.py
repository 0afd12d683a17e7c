"""Error rates of groups of people at one threshold for all: is a tower worse for some than for others?"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError
from edge_runtime.images import IMAGE_SUFFIXES
from edge_runtime.measures.metrics import proportion_interval
from edge_runtime.measures.scores import pair_blocks
from train.data.faces import FaceSet

MIN_IMPOSTOR, MIN_GENUINE = 100, 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """The error rates of one group, from the pairs whose both pictures are in it.

    Attributes:
        tag: The column of the tags file.
        value: The group.
        people: How many people.
        pictures: How many pictures.
        impostor_pairs: Pairs of two people.
        genuine_pairs: Pairs of one person.
        fmr: Share of the impostor pairs accepted; None where there are too few.
        fmr_interval: Its 95 % interval by Clopper and Pearson, taking pairs as independent.
        fnmr: Share of the genuine pairs rejected; None where there are too few.
        fnmr_interval: As for the FMR.
    """

    tag: str
    value: str
    people: int
    pictures: int
    impostor_pairs: int
    genuine_pairs: int
    fmr: float | None
    fmr_interval: tuple[float, float] | None
    fnmr: float | None
    fnmr_interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohorts:
    """All groups of a tags file.

    Attributes:
        threshold: At which all were judged.
        min_impostor: Impostor pairs below which an FMR is not given.
        min_genuine: Genuine pairs below which an FNMR is not given.
        rows: The groups.
    """

    threshold: float
    min_impostor: int
    min_genuine: int
    rows: tuple[Cohort, ...]

    def ratios(self) -> dict[str, dict[str, float | None]]:
        """Worst over best FMR and FNMR of each tag; None with fewer than two groups, or if the best has no error."""
        found: dict[str, dict[str, float | None]] = {}
        for tag in dict.fromkeys(row.tag for row in self.rows):
            rows = [row for row in self.rows if row.tag == tag]
            rates = {"fmr": [row.fmr for row in rows], "fnmr": [row.fnmr for row in rows]}
            found[tag] = {kind: _ratio([rate for rate in held if rate is not None]) for kind, held in rates.items()}
        return found

    def as_mapping(self) -> dict[str, Any]:
        """The values as JSON holds them."""
        return {**asdict(self), "rows": [asdict(row) for row in self.rows], "worst_over_best": self.ratios()}


def _ratio(rates: Sequence[float]) -> float | None:
    return max(rates) / min(rates) if len(rates) > 1 and min(rates) > 0 else None


def read_tags(path: str | Path, faces: FaceSet) -> dict[str, tuple[str, ...]]:
    """Read a tags file.

    Args:
        path: CSV with a heading: ``person`` or ``picture``, then a column for each tag. An empty field is no tag.
        faces: Whom the tags are of; rows of others are passed over.

    Returns:
        By column: the tag of each picture, ``""`` where it has none.

    Raises:
        DataError: It cannot be read, has another form, names somebody twice, or nobody of the data.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            rows = [row for row in csv.reader(stream) if any(field.strip() for field in row)]
    except (OSError, ValueError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"cannot read the tags {path}: {reason}. Give a CSV file.") from error
    heading = [field.strip() for field in rows[0]] if rows else []
    if len(heading) < 2 or heading[0] not in ("person", "picture") or len(set(heading)) < len(heading):
        raise DataError(f"{path} must begin with a line such as: person,group (or picture,light). It has: {heading}")
    held: dict[str, list[str]] = {}
    for row in rows[1:]:
        fields = [field.strip() for field in row]
        name = _stem(fields[0]) if heading[0] == "picture" else fields[0]
        if len(fields) != len(heading) or name in held:
            raise DataError(f"{path}: {','.join(fields)[:80]!r} has another number of fields, or is there twice.")
        held[name] = fields[1:]
    keys = [_stem(name) for name in faces.names]
    if heading[0] == "person":
        keys = [faces.people[label] for label in faces.labels]
    if not set(keys) & set(held):
        raise DataError(f"{path} names nobody of the data, which has {keys[0]}. Write the {heading[0]}s' names so.")
    none = [""] * (len(heading) - 1)
    return {tag: tuple(held.get(key, none)[column] for key in keys) for column, tag in enumerate(heading[1:])}


def _stem(name: str) -> str:
    path = PurePosixPath(name)
    return path.with_suffix("").as_posix() if path.suffix.lower() in IMAGE_SUFFIXES else path.as_posix()


def measure_cohorts(
    embeddings: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    tags: dict[str, tuple[str, ...]],
    threshold: float,
    *,
    min_impostor: int = MIN_IMPOSTOR,
    min_genuine: int = MIN_GENUINE,
) -> Cohorts:
    """Judge the pairs within each group.

    Args:
        embeddings: Shape (n, d).
        labels: Shape (n,), whose each is.
        tags: What :func:`read_tags` gives.
        threshold: Lowest similarity that is accepted.
        min_impostor: Impostor pairs below which an FMR is not given.
        min_genuine: Genuine pairs below which an FNMR is not given.
    """
    rows = []
    for tag, values in tags.items():
        for value in sorted(set(values) - {""}):
            inside = np.flatnonzero(np.array(values) == value)
            errors = _errors(embeddings[inside], labels[inside], threshold)
            (accepted, impostors), (rejected, genuines) = errors
            fmr, fmr_interval = _share(accepted, impostors, min_impostor)
            fnmr, fnmr_interval = _share(rejected, genuines, min_genuine)
            rows.append(
                Cohort(
                    tag=tag,
                    value=value,
                    people=int(np.unique(labels[inside]).size),
                    pictures=int(inside.size),
                    impostor_pairs=impostors,
                    genuine_pairs=genuines,
                    fmr=fmr,
                    fmr_interval=fmr_interval,
                    fnmr=fnmr,
                    fnmr_interval=fnmr_interval,
                )
            )
    return Cohorts(threshold=threshold, min_impostor=min_impostor, min_genuine=min_genuine, rows=tuple(rows))


def _errors(
    embeddings: npt.NDArray[np.floating], labels: npt.NDArray[np.integer], threshold: float
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Errors and number of the impostor pairs, and of the genuine pairs."""
    counts = np.zeros(4, dtype=np.int64)
    for block in pair_blocks(embeddings):
        keys = (block.scores >= threshold) + 2 * (labels[block.rows, None] == labels[None, block.columns])
        counts += np.bincount(block.pick(keys), minlength=4)
    below, accepted, rejected, above = counts.tolist()
    return (accepted, below + accepted), (rejected, rejected + above)


def _share(events: int, trials: int, needed: int) -> tuple[float | None, tuple[float, float] | None]:
    if trials < max(needed, 1):
        return None, None
    return events / trials, proportion_interval(events, trials)
