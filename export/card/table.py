"""A table of plain text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Row: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; its cells are plain text that is escaped where it is shown.

    Attributes:
        rows: Its rows, all of one length.
        heading: Names of the columns; empty for a table of names and values.
        text_columns: How many columns, from the left, hold words; the others hold numbers.
        note: What is said below it.
    """

    rows: tuple[Row, ...]
    heading: Row = ()
    text_columns: int = 2
    note: str = ""
