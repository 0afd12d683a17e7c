"""The people who may be let in: names and templates, bound to the embedding space they were enrolled in.

One SQLite file, readable by its owner alone. A template is an embedding of length 1; no picture is kept. The templates
are **not encrypted**: whoever can read the file holds biometric data.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import GalleryError, SpaceMismatch, UsageError
from edge_runtime.towers.tower import Tower

_APPLICATION_ID = 0x5349414D  # "SIAM"
_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE space (fingerprint TEXT NOT NULL, embedding_length INTEGER NOT NULL, tower TEXT NOT NULL);
CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, enrolled_at REAL NOT NULL);
CREATE TABLE template (
    id INTEGER PRIMARY KEY,
    person INTEGER NOT NULL REFERENCES person(id) ON DELETE CASCADE,
    embedding BLOB NOT NULL,
    sharpness REAL NOT NULL,
    interocular_px REAL NOT NULL,
    added_at REAL NOT NULL
);
"""
_MAX_NAME = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One enrolled sample of a person.

    Attributes:
        embedding: float32 of shape (d,), of length 1.
        sharpness: Of the face it came from (see :class:`edge_runtime.faces.quality.Quality`).
        interocular_px: Distance between the eyes of that face in pixels.
    """

    embedding: npt.NDArray[np.float32]
    sharpness: float
    interocular_px: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledPerson:
    """A person of the gallery, without their templates."""

    name: str
    templates: int
    enrolled_at: float


class Gallery:
    """An open gallery. Every change is one transaction: it happens wholly or not at all."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Use :meth:`open`."""
        self.path = path
        self._connection = connection
        with _told(path):
            row = connection.execute("SELECT fingerprint, embedding_length, tower FROM space").fetchone()
        if row is None or not isinstance(row[1], int):
            raise GalleryError(f"{path} does not say which tower it was enrolled with. Restore it, or enrol again.")
        self.fingerprint, self.embedding_length, self.tower_name = str(row[0]), int(row[1]), str(row[2])

    @classmethod
    def open(cls, path: str | Path, tower: Tower | None = None, *, create: bool = False) -> Gallery:
        """Open a gallery.

        Args:
            path: The file.
            tower: The tower it is to be used with; None to list or remove only.
            create: Make an empty gallery for the tower if there is no file.

        Raises:
            GalleryError: It is missing, damaged, foreign, or of another version.
            SpaceMismatch: It was enrolled with another tower or interpreter.
            UsageError: ``create`` without a tower.
        """
        target = Path(path)
        if not target.exists():
            if not create:
                raise GalleryError(f"there is no gallery at {target}. Enrol somebody: siamlite enroll NAME --source …")
            if tower is None:
                raise UsageError("a new gallery needs the tower that it is for.")
            _create(target, tower)
        connection = _connect(target)
        try:
            _check_schema(target, connection)
            gallery = cls(target, connection)
            if tower is not None:
                gallery.require_space(tower.fingerprint)
            return gallery
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Gallery:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def require_space(self, tower_fingerprint: str) -> None:
        """Refuse a tower whose embeddings must not be compared with these templates.

        Raises:
            SpaceMismatch: The gallery was enrolled in another embedding space.
        """
        if tower_fingerprint != self.fingerprint:
            raise SpaceMismatch(
                f"{self.path} was enrolled in the embedding space {self.fingerprint[:16]} (tower {self.tower_name}), "
                f"but this tower gives {tower_fingerprint[:16]}: their embeddings must not be compared. Use the tower "
                "and the interpreter that it was enrolled with, or enrol the people again into a new --gallery.",
                gallery_fingerprint=self.fingerprint,
                tower_fingerprint=tower_fingerprint,
            )

    def people(self) -> list[EnrolledPerson]:
        """Who is enrolled, by name."""
        with _told(self.path):
            rows = self._connection.execute(
                "SELECT name, COUNT(template.id), enrolled_at FROM person LEFT JOIN template ON person = person.id "
                "GROUP BY person.id ORDER BY name"
            ).fetchall()
        return [EnrolledPerson(name=str(n), templates=int(k), enrolled_at=float(t)) for n, k, t in rows]

    def templates(self, name: str | None = None) -> dict[str, npt.NDArray[np.float32]]:
        """Templates by person: float32 arrays of shape (templates, d), rows of length 1.

        Args:
            name: One person; all if None.

        Raises:
            GalleryError: A template is damaged, or the named person is not enrolled.
        """
        with _told(self.path):
            rows = self._connection.execute(
                "SELECT name, embedding FROM template JOIN person ON person.id = person ORDER BY name, template.id"
            ).fetchall()
        found: dict[str, list[npt.NDArray[np.float32]]] = {}
        for owner, blob in rows:
            if name is None or owner == name:
                found.setdefault(str(owner), []).append(self._decode(blob, str(owner)))
        if name is not None and name not in found:
            raise GalleryError(f"{name!r} is not enrolled in {self.path}. See who is: siamlite gallery list")
        return {owner: np.stack(rows) for owner, rows in found.items()}

    def enrol(self, name: str, templates: list[Template], *, replace: bool = False) -> None:
        """Add a person.

        Args:
            name: 1 to 100 printable characters.
            templates: At least one.
            replace: Replace the person if they are enrolled already.

        Raises:
            UsageError: The name is unusable, or taken.
            GalleryError: The file cannot be written.
        """
        check_name(name)
        if not templates:
            raise UsageError("nobody can be enrolled without a template.")
        blobs = [self._encode(template.embedding) for template in templates]
        now = time.time()
        with _told(self.path), self._connection as transaction:
            if replace:
                transaction.execute("DELETE FROM person WHERE name = ?", (name,))
            elif transaction.execute("SELECT 1 FROM person WHERE name = ?", (name,)).fetchone():
                raise UsageError(f"{name!r} is enrolled already. Replace them with --force, or choose another name.")
            person = transaction.execute("INSERT INTO person (name, enrolled_at) VALUES (?, ?)", (name, now)).lastrowid
            transaction.executemany(
                "INSERT INTO template (person, embedding, sharpness, interocular_px, added_at) VALUES (?, ?, ?, ?, ?)",
                [(person, b, t.sharpness, t.interocular_px, now) for b, t in zip(blobs, templates, strict=True)],
            )

    def remove(self, name: str) -> None:
        """Remove a person; the freed parts of the file are overwritten with zeros.

        Raises:
            GalleryError: They are not enrolled, or the file cannot be written.
        """
        with _told(self.path), self._connection as transaction:
            if transaction.execute("DELETE FROM person WHERE name = ?", (name,)).rowcount == 0:
                raise GalleryError(f"{name!r} is not enrolled in {self.path}. See who is: siamlite gallery list")

    def _encode(self, embedding: npt.NDArray[np.float32]) -> bytes:
        length = float(np.linalg.norm(embedding))
        if embedding.shape != (self.embedding_length,) or not abs(length - 1) < 1e-3:
            raise UsageError(f"a template has {self.embedding_length} values and length 1, not {embedding.shape}.")
        return embedding.astype("<f4").tobytes()

    def _decode(self, blob: bytes, name: str) -> npt.NDArray[np.float32]:
        whole = isinstance(blob, bytes) and len(blob) == 4 * self.embedding_length
        values = np.frombuffer(blob, dtype="<f4") if whole else np.zeros(1, "<f4")
        if not abs(float(np.linalg.norm(values)) - 1) < 1e-3:
            raise GalleryError(f"a template of {name!r} in {self.path} is damaged. Remove them and enrol them again.")
        return values.astype(np.float32)


def check_name(name: str) -> None:
    """Refuse a name that would be confusing in a list or a log.

    Raises:
        UsageError: It is empty, too long, or holds control characters.
    """
    if not name.strip() or name != name.strip() or len(name) > _MAX_NAME or not name.isprintable():
        raise UsageError(f"a name is 1 to {_MAX_NAME} printable characters without blanks around it, not {name!r}.")


def _create(target: Path, tower: Tower) -> None:
    """Make an empty gallery beside the target and give it its name in one step."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with contextlib.closing(sqlite3.connect(temporary)) as connection:
            connection.executescript(_SCHEMA)
            connection.execute(
                "INSERT INTO space VALUES (?, ?, ?)", (tower.fingerprint, tower.embedding_length, tower.card.name)
            )
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
            connection.commit()
        os.link(temporary, target)
    except (OSError, sqlite3.Error) as error:
        if isinstance(error, FileExistsError) and target.exists():
            return  # Another process was first: its gallery is checked like any other.
        raise GalleryError(f"cannot make the gallery {target}: {error}. Nothing was written.") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _connect(target: Path) -> sqlite3.Connection:
    with _told(target):
        connection = sqlite3.connect(f"{target.absolute().as_uri()}?mode=rw", uri=True, timeout=10)
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection


def _check_schema(target: Path, connection: sqlite3.Connection) -> None:
    with _told(target):
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if application != _APPLICATION_ID:
            raise GalleryError(f"{target} is not a siamlite gallery. Give another path with --gallery.")
        if version != _SCHEMA_VERSION:
            raise GalleryError(
                f"{target} has gallery version {version}; this siamlite reads {_SCHEMA_VERSION}. Update siamlite."
            )
        if connection.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            raise GalleryError(f"{target} is damaged. Restore it from a copy, or enrol again.")


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what SQLite says into one line that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        raise GalleryError(f"the gallery {path} cannot be used: {error}. Nothing was changed.") from error
