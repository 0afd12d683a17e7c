"""Very many people written in one change: checked, rotated and inserted in batches."""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from edge_runtime.errors import UsageError
from edge_runtime.gallery.file import Change, Database, Row
from edge_runtime.gallery.people import next_number
from edge_runtime.gallery.records import (
    DETAILS,
    TEMPLATES,
    EnrolledPerson,
    Template,
    check_count,
    check_name,
    pack_templates,
    qualities_of,
    stack,
)

Named: TypeAlias = tuple[str, Sequence[Template]]
_AT_ONCE = 1000


def insert_many(file: Database, change: Change, people: Iterable[Named]) -> int:
    """Write many new people without tags, notes or pictures; returns how many.

    Raises:
        UsageError: A name is unusable or taken, or a template is none.
    """
    number, count = next_number(file), 0
    for batch in _batches(people):
        rows = list(_rows(change, batch, number + count))
        try:
            file.connection.executemany("INSERT INTO person VALUES (?, ?, ?, ?)", rows)
        except sqlite3.IntegrityError as error:
            raise UsageError(
                "one of the names is enrolled already, or is there twice. See who is: siamlite gallery list"
            ) from error
        for row, (_, templates) in zip(rows, batch, strict=True):
            change.add(row, len(templates))
        count += len(batch)
    return count


def _batches(people: Iterable[Named]) -> Iterator[list[Named]]:
    iterator = iter(people)
    while batch := list(itertools.islice(iterator, _AT_ONCE)):
        yield batch


def _rows(change: Change, batch: list[Named], first: int) -> Iterator[Row]:
    """The sealed rows of some people."""
    sealer, now = change.sealer, time.time()
    counts = [len(templates) for _, templates in batch]
    for count in counts:
        check_count(count)
    every = [template for _, templates in batch for template in templates]
    protected = sealer.rotation.apply(stack(every, change.header.space.embedding_length))
    ends = np.cumsum(counts)
    for number, ((name, templates), count, end) in enumerate(zip(batch, counts, ends, strict=True), start=first):
        check_name(name)
        person = EnrolledPerson(name=name, templates=count, enrolled_at=now)
        packed = pack_templates(protected[end - count : end], qualities_of(templates, now))
        yield Row(
            id=number,
            alias=sealer.alias(name),
            details=sealer.seal(DETAILS, number, person.to_bytes()),
            templates=sealer.seal(TEMPLATES, number, packed),
        )
