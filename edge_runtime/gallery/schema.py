"""The SQLite file below a gallery: its tables, how it is opened, and what is refused before anything is read."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from edge_runtime.commands.printable import printable
from edge_runtime.errors import GalleryError

APPLICATION_ID = 0x5349414D  # "SIAM"
SCHEMA_VERSION = 2
_BUSY_S = 10.0
# Each statement is kept by SQLite letter by letter: a file whose tables were declared otherwise is refused.
TABLES = (
    """CREATE TABLE gallery (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1), id BLOB NOT NULL, fingerprint TEXT NOT NULL,
    embedding_length INTEGER NOT NULL, tower TEXT NOT NULL, protection TEXT NOT NULL, kdf TEXT NOT NULL,
    wrapped_key BLOB NOT NULL, seal BLOB NOT NULL)""",
    """CREATE TABLE person (
    id INTEGER PRIMARY KEY, alias BLOB NOT NULL UNIQUE, details BLOB NOT NULL, templates BLOB NOT NULL)""",
    """CREATE TABLE crops (
    person INTEGER PRIMARY KEY REFERENCES person(id) ON DELETE CASCADE, pictures BLOB NOT NULL)""",
)


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what SQLite says into one line that names the file.

    Raises:
        GalleryError: SQLite refused.
    """
    try:
        yield
    except (sqlite3.Error, OverflowError, UnicodeDecodeError) as error:
        # SQLite repeats what it found in the file.
        said = printable(str(error).partition(" with text ")[0])[:200]
        raise GalleryError(f"the gallery {path} cannot be used: {said}. Nothing was changed.") from error
    except MemoryError as error:
        raise GalleryError(f"the gallery {path} cannot be used: it asks for more memory than there is.") from error


def connect(path: Path) -> sqlite3.Connection:
    """Open a file that is there already; nothing is read yet that says whether it is a gallery.

    Raises:
        GalleryError: SQLite cannot open it.
    """
    with told(path):
        connection = _connect(path)
        try:
            connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()
            return connection
        except sqlite3.Error:
            connection.close()
        # On a full disk there is no room for the index that readers share: keep it in memory, for this process alone.
        connection = _connect(path)
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()
            return connection
        except BaseException:
            connection.close()
            raise


def _connect(path: Path) -> sqlite3.Connection:
    # Transactions are begun and ended by hand: the module would begin them only before some statements.
    how = "mode=ro&immutable=1" if _unchanging(path) else "mode=rw"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=_BUSY_S, isolation_level=None)
    try:
        for setting in (
            "foreign_keys = ON",
            "secure_delete = ON",
            "synchronous = FULL",
            "trusted_schema = OFF",
            "cell_size_check = ON",
            # What SQLite sorts or copies must not leave the process: a temporary file would outlive a removal.
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {setting}")
        return connection
    except BaseException:
        connection.close()
        raise


def _unchanging(path: Path) -> bool:
    """Whether nothing can be written beside the gallery, as on a read-only file system, and no log waits there."""
    log = path.with_name(f"{path.name}-wal")
    return not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)


def version_of(path: Path, connection: sqlite3.Connection) -> int:
    """Schema version of a gallery; 0 of a file in which nothing was stored yet.

    Raises:
        GalleryError: It is no gallery.
    """
    with told(path):
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        tables = connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()[0]
    if application == 0 and version == 0 and tables == 0:
        return 0
    if application != APPLICATION_ID or version < 1:
        raise GalleryError(f"{path} is not a siamlite gallery. Give another path with --gallery.")
    return version


def check_schema(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse a file that is no gallery of this version.

    Raises:
        GalleryError: It is none, is empty, of another version, or was declared otherwise.
    """
    version = version_of(path, connection)
    if version == 0:
        raise GalleryError(f"the gallery {path} is empty. Enrol somebody: siamlite enroll NAME --source …")
    if version == 1:
        raise GalleryError(
            f"{path} has gallery version 1, which is not encrypted. "
            f"Encrypt it: siamlite gallery migrate --gallery {path}"
        )
    if version != SCHEMA_VERSION:
        raise GalleryError(
            f"{path} has gallery version {version}; this siamlite reads {SCHEMA_VERSION}. Update siamlite."
        )
    with told(path):
        held = [row[0] for row in connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")]
    if sorted(map(str, held)) != sorted(TABLES):
        raise GalleryError(f"{path} is damaged: its tables are not those of a gallery. Restore it, or enrol again.")


def declare(connection: sqlite3.Connection) -> None:
    """Declare the tables, inside a transaction."""
    for statement in TABLES:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def keep_a_log(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging: readers no longer wait for the writer. It lasts."""
    connection.execute("PRAGMA journal_mode = WAL")


def make_file(path: Path) -> bool:
    """Make an empty file for its owner alone, which is an empty SQLite database; whether there was none.

    Neither a link nor a rename is needed, so it works on FAT too. Whoever comes second finds the file and waits for
    the first one's transaction.

    Raises:
        GalleryError: It cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        if path.is_file():
            return False
        raise GalleryError(f"cannot make the gallery {path}: a file is in its way. Nothing was written.") from None
    except OSError as error:
        raise GalleryError(f"cannot make the gallery {path}: {error}. Nothing was written.") from error
    return True


@contextlib.contextmanager
def transaction(path: Path, connection: sqlite3.Connection, *, write: bool) -> Iterator[None]:
    """One snapshot to read from, or one change that happens wholly or not at all.

    Raises:
        GalleryError: SQLite refused; nothing was changed.
    """
    with told(path):
        connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            # A full disk may have rolled back by itself.
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise
