"""Noticing that a gallery is no longer what was read of it, for whoever holds its templates in memory."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edge_runtime.errors import GalleryError
from edge_runtime.gallery.header import Space, TowerLike, read_header
from edge_runtime.gallery.keys import Access
from edge_runtime.gallery.schema import connect, told
from edge_runtime.gallery.store import Gallery


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a gallery was when it was read.

    Attributes:
        path: The file.
        access: How it is opened.
        gallery_id: Which gallery it is.
        changes: How often it had been changed.
        sealed: Its seal, as it is stored: another one after every change.
    """

    path: Path
    access: Access = field(repr=False)
    gallery_id: bytes
    changes: int
    sealed: bytes = field(repr=False)

    @classmethod
    def of(cls, gallery: Gallery) -> Reading:
        """Take it before the templates: a change that comes between is then seen as one.

        Raises:
            GalleryError: The gallery is not whole.
        """
        file = gallery.file
        with file.reading() as seal:
            header, sealed = read_header(file.path, file.connection)
        return cls(
            path=file.path, access=file.access, gallery_id=header.gallery_id, changes=seal.changes, sealed=sealed
        )


class GalleryWatch:
    """Says whether a gallery has changed since it was read, without a key and in some microseconds.

    It has a connection of its own, belongs to the thread that asks first, and must be closed.

    Attributes:
        known: What is held of the gallery; set it when it has been read again.
    """

    def __init__(self, known: Reading) -> None:
        """Begin; nothing is opened yet."""
        self.known = known
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._calm: tuple[Reading, tuple[int, int], int] | None = None

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def changed(self) -> bool:
        """Whether it is not what was read.

        Raises:
            GalleryError: It is gone, or cannot be read.
        """
        path = self.known.path
        try:
            status = path.stat()
        except OSError as error:
            raise GalleryError(f"the gallery {path} is gone: nobody is accepted without it. Put it back.") from error
        file = (status.st_dev, status.st_ino)
        if self._connection is None or file != self._file:
            self.close()
            self._connection, self._file = connect(path), file
        with told(path):
            # https://www.sqlite.org/pragma.html#pragma_data_version: another number after a commit of anybody else.
            version = int(self._connection.execute("PRAGMA data_version").fetchall()[0][0])
            if (self.known, file, version) == self._calm:
                return False
            _, sealed = read_header(path, self._connection)
        if sealed != self.known.sealed:
            return True
        self._calm = self.known, file, version
        return False

    @contextlib.contextmanager
    def opened_again(self, tower: TowerLike | Space) -> Iterator[Gallery]:
        """The gallery as it is now.

        Raises:
            GalleryError: It cannot be opened, is another gallery, or is older than what was read before.
            SpaceMismatch: It was moved to another embedding space.
        """
        known = self.known
        with Gallery.open(known.path, tower, access=known.access) as gallery:
            if gallery.file.header.gallery_id != known.gallery_id:
                raise GalleryError(f"{known.path} is another gallery than before. Start again to use it.")
            if gallery.changes() < known.changes:
                raise GalleryError(f"{known.path} is older than what was read of it before. Start again to use it.")
            yield gallery
