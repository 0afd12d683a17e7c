"""The templates of a gallery side by side, as they are compared."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edge_runtime.gallery import people as edits
from edge_runtime.gallery.file import GalleryFile
from edge_runtime.gallery.records import TEMPLATES, check_rows, damaged, unpack_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateMatrix:
    """All templates of some people, in the protected space.

    Attributes:
        names: The people.
        matrix: float32 of shape (templates, d), in C order, rows of length 1, each person's rows together.
        owners: intp of shape (templates,): which of the people a row is of.
    """

    names: tuple[str, ...] = field(repr=False)
    matrix: npt.NDArray[np.float32] = field(repr=False)
    owners: npt.NDArray[np.intp] = field(repr=False)


def read_matrix(file: GalleryFile, name: str | None = None) -> TemplateMatrix:
    """The templates of everybody, or of one person.

    Args:
        file: The gallery.
        name: One person; all if None.

    Raises:
        GalleryError: The gallery is not whole, or the named person is not enrolled.
    """
    names: list[str] = []
    length = file.header.space.embedding_length
    with file.reading() as seal:
        wanted = None if name is None else file.sealer.alias(name)
        blocks = _Rows(seal.templates if wanted is None else 0, length)
        for row in file.rows(seal):
            if wanted is None or row.alias == wanted:
                names.append(edits.name_of(file, row))
                plain = file.sealer.open(TEMPLATES, row.id, row.templates)
                block = None if plain is None else unpack_rows(plain, length)
                if block is None or not blocks.add(block):
                    raise damaged(file.path, "the templates of a person")
    if name is not None and names != [name]:
        raise edits.not_enrolled(file.path, name)
    matrix, owners = blocks.done()
    if not check_rows(matrix) or len(set(names)) != len(names):
        raise damaged(file.path, "a template that is none")
    return TemplateMatrix(names=tuple(names), matrix=matrix, owners=owners)


class _Rows:
    """Blocks of rows that become one matrix, without holding them twice."""

    def __init__(self, expected: int, length: int) -> None:
        self._matrix = np.empty((expected, length), dtype=np.float32)
        self._counts: list[int] = []
        self._at, self._grows = 0, expected == 0

    def add(self, block: npt.NDArray[np.float32]) -> bool:
        """Add rows; whether there was room for them."""
        if self._grows:
            self._matrix, self._grows = np.empty_like(block), False
        end = self._at + len(block)
        if end > len(self._matrix):
            return False
        self._matrix[self._at : end] = block
        self._counts.append(len(block))
        self._at = end
        return True

    def done(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.intp]]:
        """The matrix, and the number of the block that each row came in."""
        return self._matrix[: self._at], np.repeat(np.arange(len(self._counts)), self._counts)
