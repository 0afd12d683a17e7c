"""Which rows of the data show whom: what every sampler draws from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleRows:
    """The rows of each person.

    Attributes:
        labels: int64 of shape (n,): whose picture each row is, 0 to people − 1.
        rows: The row numbers of each person, in the order of the labels.
        several: Labels of the people with two pictures or more, who alone give genuine pairs.
    """

    labels: Rows
    rows: tuple[Rows, ...]
    several: Rows


def people_rows(labels: npt.NDArray[np.integer]) -> PeopleRows:
    """Sort the rows by person.

    Args:
        labels: Shape (n,), whose picture each row of the data is; any integers.

    Raises:
        DataError: There are fewer than two people.
    """
    values = np.asarray(labels, dtype=np.int64)
    people, owner = np.unique(values, return_inverse=True)
    if people.size < 2:
        raise DataError(f"training needs two people at least; there is {people.size}. Add folders of more people.")
    order = np.argsort(owner, kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(owner))[:-1])
    several = np.array([person for person, mine in enumerate(rows) if mine.size > 1], dtype=np.int64)
    return PeopleRows(labels=owner.astype(np.int64), rows=tuple(rows), several=several)
