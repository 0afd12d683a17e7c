"""Who is unlike himself, and who is like someone else: medians of cosine similarities, which outliers do not move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import TowerError

Floats: TypeAlias = npt.NDArray[np.float32]
Ints: TypeAlias = npt.NDArray[np.int64]

# Only so many people, the nearest by mean similarity, are compared by median.
_NEAREST, _CHUNK = 3, 2048
# Two people are taken for one from so much of the way between strangers and pictures of one person.
_SHARE = 0.9
# A picture is far from its person when its own median lies so many robust deviations below those of the set.
_DEVIATIONS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Embedded pictures by person.

    Attributes:
        units: float32 of shape (n, d), embeddings of length 1.
        labels: int64 of shape (n,), 0 to people - 1.
        rows: The rows of each person.
        means: float32 of shape (people, d): a product with them gives mean similarities.
        own: float32 of shape (n,), a picture's median similarity to its person's others; NaN where there are none.
        within: float32 of shape (people,), median of ``own`` over the person's pictures; NaN for one picture.
    """

    units: Floats
    labels: Ints
    rows: tuple[Ints, ...]
    means: Floats
    own: Floats
    within: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlike:
    """A picture that is nearer to another person than to its own.

    Attributes:
        row: The picture.
        own: Its median similarity to its person's other pictures.
        person: The person that it is nearest to.
        other: Its median similarity to that person's pictures.
    """

    row: int
    own: float
    person: int
    other: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Two people who are as like each other as one is to himself.

    Attributes:
        first: A person of the first set.
        second: A person of the second (or the same) set.
        similarity: Median similarity of the pictures of one to those of the other.
        limit: What it had to reach.
    """

    first: int
    second: int
    similarity: float
    limit: float


def group_people(embeddings: npt.NDArray[np.floating], labels: Ints) -> People:
    """Group embeddings of shape (n, d) by labels of shape (n,), 0 to people - 1, each with one picture at least.

    Raises:
        TowerError: An embedding is zero or not finite.
    """
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise TowerError("the tower gives embeddings that are zero or not finite. Train or export it again.")
    units = np.asarray(embeddings / lengths, dtype=np.float32)
    order = np.argsort(labels, kind="stable")
    rows = tuple(np.split(order, np.flatnonzero(np.diff(labels[order])) + 1))
    own = np.full(len(units), np.nan, np.float32)
    within = np.full(len(rows), np.nan, np.float32)
    for person, mine in enumerate(rows):
        if len(mine) > 1:
            similarities = units[mine] @ units[mine].T
            others = similarities[~np.eye(len(mine), dtype=bool)].reshape(len(mine), -1)
            own[mine] = np.median(others, axis=1)
            within[person] = np.median(own[mine])
    means = np.stack([units[mine].mean(axis=0) for mine in rows])
    return People(units=units, labels=labels, rows=rows, means=means, own=own, within=within)


def unlike_pictures(people: People) -> list[Unlike]:
    """Pictures that are nearer to someone else than to their own person, and far from it as the set goes.

    Far means: the median similarity to the person's others lies two robust deviations (1.4826 times the median absolute
    deviation) below the median of all pictures. The worst come first.
    """
    own = people.own[np.isfinite(people.own)]
    if own.size == 0 or len(people.rows) < 2:
        return []
    centre = float(np.median(own))
    limit = centre - _DEVIATIONS * 1.4826 * float(np.median(np.abs(own - centre)))
    suspects = np.flatnonzero(people.own < limit)
    found = []
    for start in range(0, len(suspects), _CHUNK):
        rows = suspects[start : start + _CHUNK]
        means = people.units[rows] @ people.means.T
        means[np.arange(len(rows)), people.labels[rows]] = -np.inf
        count = min(_NEAREST, means.shape[1] - 1)
        nearest = np.argpartition(-means, count - 1, axis=1)[:, :count]
        for row, candidates in zip(rows, nearest, strict=True):
            medians = [float(np.median(people.units[people.rows[person]] @ people.units[row])) for person in candidates]
            best = int(np.argmax(medians))
            if medians[best] > people.own[row]:
                found.append(
                    Unlike(row=int(row), own=float(people.own[row]), person=int(candidates[best]), other=medians[best])
                )
    return sorted(found, key=lambda item: (item.own - item.other, item.row))


def alike_people(first: People, second: People | None = None) -> list[Alike]:
    """Pairs of people, of one set or of two, who are probably one person. The surest come first.

    They must be each other's nearest by mean similarity, and the median similarity between them must come nearly up to
    the median within one of them: nine tenths of the way from the mean similarity of strangers. Where that is less than
    the lower quartile of all people's medians, the quartile takes its place; so does the set's median for people of one
    picture.
    """
    other = second or first
    levels = np.concatenate([first.within, other.within])
    levels = levels[np.isfinite(levels)]
    if levels.size == 0:
        return []
    middle, floor = float(np.median(levels)), float(np.quantile(levels, 0.25))
    strangers = float(first.means.mean(axis=0) @ other.means.mean(axis=0))
    found = []
    for one, two in _mutual_nearest(first.means, other.means, same=second is None):
        similarity = float(np.median(first.units[first.rows[one]] @ other.units[other.rows[two]].T))
        known = [value for value in (first.within[one], other.within[two]) if np.isfinite(value)]
        level = max(floor, min([float(value) for value in known] or [middle]))
        limit = strangers + _SHARE * (level - strangers)
        if similarity >= limit:
            found.append(Alike(first=one, second=two, similarity=similarity, limit=limit))
    return sorted(found, key=lambda item: (item.limit - item.similarity, item.first))


def nearest_people(people: People) -> list[tuple[int, float]]:
    """For each person the nearest other one by mean similarity, and the median similarity to that one's pictures."""
    if len(people.rows) < 2:
        return []
    nearest = _nearest(people.means, people.means, same=True)[0]
    return [
        (int(other), float(np.median(people.units[people.rows[person]] @ people.units[people.rows[other]].T)))
        for person, other in enumerate(nearest)
    ]


def _mutual_nearest(first: Floats, second: Floats, *, same: bool) -> list[tuple[int, int]]:
    """Pairs of people each of whom is the other's nearest by mean similarity."""
    to_second, to_first = _nearest(first, second, same=same)
    pairs = [(one, int(two)) for one, two in enumerate(to_second) if to_first[two] == one]
    return [(one, two) for one, two in pairs if not same or one < two]


def _nearest(first: Floats, second: Floats, *, same: bool) -> tuple[Ints, Ints]:
    """The nearest of the second people to each of the first, and of the first to each of the second."""
    to_second, to_first = np.zeros(len(first), np.int64), np.zeros(len(second), np.int64)
    best = np.full(len(second), -np.inf, np.float32)
    for start in range(0, len(first), _CHUNK):
        means = first[start : start + _CHUNK] @ second.T
        if same:
            means[np.arange(len(means)), np.arange(start, start + len(means))] = -np.inf
        to_second[start : start + len(means)] = means.argmax(axis=1)
        nearest = means.argmax(axis=0)
        values = means[nearest, np.arange(len(second))]
        better = values > best
        best[better], to_first[better] = values[better], nearest[better] + start
    return to_second, to_first
