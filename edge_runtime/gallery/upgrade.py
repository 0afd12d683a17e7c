"""Galleries of older versions, brought to this one."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np

from edge_runtime.errors import GalleryError, UsageError
from edge_runtime.gallery import people as edits
from edge_runtime.gallery.file import Change, Database, GalleryFile
from edge_runtime.gallery.header import Space, write_header
from edge_runtime.gallery.keys import Access
from edge_runtime.gallery.records import Template, damaged
from edge_runtime.gallery.schema import connect, declare, keep_a_log, told, transaction, version_of
from edge_runtime.gallery.sealing import new_header
from edge_runtime.gallery.tidying import tidy
from edge_runtime.gallery.wholeness import Seal


def needs_upgrade(path: Path) -> bool:
    """Whether a file is a gallery of an older version.

    Raises:
        GalleryError: It is no gallery, or missing.
    """
    if not path.exists():
        raise GalleryError(f"there is no gallery at {path}. Enrol somebody: siamlite enroll NAME --source …")
    connection = connect(path)
    try:
        return version_of(path, connection) == 1
    finally:
        connection.close()


def upgrade(path: Path, access: Access) -> int:
    """Encrypt a gallery of version 1, in place and in one change; returns how many people are in it.

    Args:
        path: The gallery.
        access: How it is locked from now on.

    Raises:
        GalleryError: It is damaged, or cannot be written; nothing was changed.
        UsageError, WriteError: The secret cannot be used or made.
        MissingDependency: The ``cryptography`` package is not installed.
    """
    connection = connect(path)
    try:
        with told(path):
            # With a log of changes the old pages are overwritten where they are; a journal would copy them first.
            keep_a_log(connection)
        with transaction(path, connection, write=True):
            _checked(path, connection)
            space, people = _read(path, connection)
            header, sealer = new_header(space, access, path)
            for table in ("template", "person", "space"):
                connection.execute(f"DROP TABLE {table}")
            declare(connection)
            write_header(connection, header, Change(header, sealer, Seal()).sealed())
            file = Database(path, connection)
            change = Change(header, sealer, Seal())
            for person in people:
                edits.insert(file, change, person)
            write_header(connection, header, change.sealed())
    finally:
        connection.close()
    whole = GalleryFile(path, access)
    try:
        tidy(whole)
    finally:
        whole.close()
    return len(people)


def _checked(path: Path, connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA user_version").fetchone()[0] != 1:
        raise UsageError(f"{path} is not a gallery of version 1.")
    if connection.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
        raise damaged(path, "its pages do not fit together")


def _read(path: Path, connection: sqlite3.Connection) -> tuple[Space, list[edits.NewPerson]]:
    row = connection.execute("SELECT fingerprint, embedding_length, tower FROM space").fetchone()
    if row is None:
        raise GalleryError(f"{path} does not say which tower it was enrolled with. Restore it, or enrol again.")
    space = Space(fingerprint=row[0], embedding_length=row[1], tower=row[2])
    people = []
    for number, name, enrolled_at in connection.execute(
        "SELECT id, name, enrolled_at FROM person ORDER BY id"
    ).fetchall():
        templates = [
            _template(path, values, space.embedding_length)
            for values in connection.execute(
                "SELECT embedding, sharpness, interocular_px, added_at FROM template WHERE person = ? ORDER BY id",
                (number,),
            )
        ]
        try:
            people.append(edits.NewPerson(name=str(name), templates=templates, enrolled_at=float(enrolled_at)))
        except (UsageError, ValueError, TypeError) as error:
            raise damaged(path, "the record of a person") from error
    return space, people


def _template(path: Path, values: tuple[object, ...], length: int) -> Template:
    blob = values[0]
    if not isinstance(blob, bytes) or len(blob) != 4 * length or not all(isinstance(v, float) for v in values[1:]):
        raise damaged(path, "a template")
    sharpness, interocular_px, added_at = (float(str(value)) for value in values[1:])
    embedding = np.frombuffer(blob, dtype="<f4").astype(np.float32)
    if not abs(float(np.linalg.norm(embedding)) - 1) < 1e-3:
        raise damaged(path, "a template")
    return Template(embedding=embedding, sharpness=sharpness, interocular_px=interocular_px, added_at=added_at)
