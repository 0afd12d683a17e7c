"""An open gallery file: its header, its key, and transactions that end with a new seal."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edge_runtime.errors import GalleryError
from edge_runtime.gallery.header import Header, Space, read_header, write_header
from edge_runtime.gallery.keys import Access
from edge_runtime.gallery.records import SEAL, damaged
from edge_runtime.gallery.schema import (
    check_schema,
    connect,
    declare,
    keep_a_log,
    make_file,
    told,
    transaction,
    version_of,
)
from edge_runtime.gallery.sealing import Sealer, new_header, unlock
from edge_runtime.gallery.wholeness import Seal, SetHash

_NEXT_ROWS = "SELECT id, alias, details, templates FROM person WHERE id > ? ORDER BY id LIMIT 1000"


class Row(NamedTuple):
    """A person's row, still sealed. There may be a million of them, and a tuple is the cheapest to make."""

    id: int
    alias: bytes
    details: bytes
    templates: bytes


class Change:
    """A change that is being made: what the next seal will say.

    Attributes:
        header: The header to be written; another one if the gallery gets a new key or space.
        sealer: Seals the records that are written.
        before: What the seal said before the change.
        notes: What the next seal will hold of the gallery as a whole.
    """

    def __init__(self, header: Header, sealer: Sealer, seal: Seal) -> None:
        """Begin with what the gallery says now."""
        self.header, self.sealer = header, sealer
        self.before, self.notes = seal, seal.notes
        self._set, self.people, self.templates = SetHash(seal.root), seal.people, seal.templates

    def restart(self) -> None:
        """Begin with an empty set: every record is written anew."""
        self._set, self.people, self.templates = SetHash(), 0, 0

    def add(self, row: Row, templates: int) -> None:
        """Count a row that was written."""
        self._set.toggle(self.sealer.leaf(row.id, row.alias, row.details, row.templates))
        self.people, self.templates = self.people + 1, self.templates + templates

    def take(self, row: Row, templates: int) -> None:
        """Count a row that was removed."""
        self._set.toggle(self.sealer.leaf(row.id, row.alias, row.details, row.templates))
        self.people, self.templates = self.people - 1, self.templates - templates

    def sealed(self) -> bytes:
        """The seal, sealed."""
        seal = Seal(
            changes=self.before.changes + 1,
            people=self.people,
            templates=self.templates,
            root=self._set.root,
            header=self.header.digest(),
            notes=self.notes,
        )
        return self.sealer.seal(SEAL, 0, seal.to_bytes())


class Database:
    """An open SQLite file.

    Attributes:
        path: The file.
        connection: To SQLite.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Keep what was opened."""
        self.path, self.connection = path, connection


class GalleryFile(Database):
    """An open gallery file.

    Attributes:
        access: How it is opened.
        header: What is not encrypted, as it was last read.
        sealer: Opens and seals its records.
    """

    def __init__(self, path: Path, access: Access) -> None:
        """Open a file that is there.

        Raises:
            GalleryError: It is no gallery, is damaged, or its key is missing or another's.
            UsageError: The key that was given cannot be one.
            MissingDependency: It is encrypted and the ``cryptography`` package is not installed.
        """
        super().__init__(path, connect(path))
        self.access = access
        self._last_change = 0
        self._checked = False
        try:
            check_schema(path, self.connection)
            self._check_structure("quick_check(1)")
            with told(path):
                self.header, _ = read_header(path, self.connection)
            self.sealer = unlock(self.header, access, path)
            with self.reading():
                pass
        except BaseException:
            self.connection.close()
            raise

    def close(self) -> None:
        """Close the file; the last one to do so writes the log back into it."""
        with contextlib.suppress(sqlite3.Error):
            self.connection.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Seal]:
        """A snapshot of the file, and what its seal says.

        Raises:
            GalleryError: The seal is broken, or older than the last one that was read.
        """
        with transaction(self.path, self.connection, write=False):
            yield self._seal()

    @contextlib.contextmanager
    def writing(self) -> Iterator[Change]:
        """A change, which happens wholly or not at all. Others wait meanwhile; readers do not.

        Raises:
            GalleryError: The file cannot be written; nothing was changed.
        """
        if not self._checked:
            # Before the first change: a page that is wrongly thought to be free would be written over.
            self._check_structure("integrity_check(1)")
            with told(self.path):
                keep_a_log(self.connection)
            self._checked = True
        with transaction(self.path, self.connection, write=True):
            seal = self._seal()
            change = Change(self.header, self.sealer, seal)
            yield change
            write_header(self.connection, change.header, change.sealed())
        self.header, self.sealer, self._last_change = change.header, change.sealer, seal.changes + 1

    def rows(self, seal: Seal) -> Iterator[Row]:
        """All rows, in the order of their numbers; nothing of them may be used before the last one has come.

        Args:
            seal: What :meth:`reading` gave.

        Raises:
            GalleryError: They are not all of the rows that were written, and no others.
        """
        found, people, last = SetHash(), 0, -(1 << 63)
        # By numbers rather than with one cursor, so that rows may be written while they are read.
        while rows := self.connection.execute(_NEXT_ROWS, (last,)).fetchall():
            for values in rows:
                row = Row(*values)
                if not type(row.alias) is type(row.details) is type(row.templates) is bytes:
                    raise damaged(self.path, "a record of another kind is in it")
                found.toggle(self.sealer.leaf(row.id, row.alias, row.details, row.templates))
                people += 1
                yield row
            last = rows[-1][0]
        if people != seal.people or found.root != seal.root:
            raise damaged(self.path, "people are missing from it, or were put back into it")

    def _seal(self) -> Seal:
        """Read the header anew, for another process may have changed the key, and open the seal."""
        header, sealed = read_header(self.path, self.connection)
        if header != self.header:
            if (header.gallery_id, header.space) != (self.header.gallery_id, self.header.space):
                raise GalleryError(f"{self.path} has become another gallery meanwhile. Open it again.")
            self.header, self.sealer = header, unlock(header, self.access, self.path)
        plain = self.sealer.open(SEAL, 0, sealed)
        seal = None if plain is None else Seal.from_bytes(plain)
        if seal is None or seal.header != header.digest():
            raise damaged(self.path, "its seal is broken")
        if seal.changes < self._last_change:
            raise damaged(self.path, "it is older than what was read from it before")
        self._last_change = seal.changes
        return seal

    def _check_structure(self, pragma: str) -> None:
        with told(self.path):
            answer = self.connection.execute(f"PRAGMA {pragma}").fetchone()[0]
        if answer != "ok":
            raise damaged(self.path, "its pages do not fit together")


def create(path: Path, space: Space, access: Access) -> None:
    """Make an empty gallery, unless there is one already, which is left as it is.

    Raises:
        GalleryError: It cannot be made; nothing is left of it.
        UsageError: What was given as its key cannot be one.
        MissingDependency: The ``cryptography`` package is not installed.
        WriteError: A new key cannot be written.
    """
    # Before anything is written: the key must be there, and the package that encrypts.
    header, sealer = new_header(space, access, path)
    made = make_file(path)
    try:
        connection = connect(path)
        try:
            with transaction(path, connection, write=True):
                # Another process may have been first: its gallery is checked like any other.
                if version_of(path, connection) == 0:
                    declare(connection)
                    write_header(connection, header, Change(header, sealer, Seal()).sealed())
            with told(path):
                keep_a_log(connection)
        finally:
            connection.close()
    except GalleryError as error:
        with contextlib.suppress(OSError):
            if made and path.stat().st_size == 0:
                path.unlink()
        raise GalleryError(f"cannot make the gallery {path}: {error} Nothing was written.") from error
