"""Galleries and exported people, changed by somebody who has no key, and written by somebody who has one."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np

from benchmarks.fuzz.choices import Choices, changed_bytes, hostile_json
from benchmarks.fuzz.commands import command
from benchmarks.fuzz.contract import Attempt, Wrong
from benchmarks.gallery.samples import Rows, strangers
from edge_runtime.faces.align import DEFAULT_TEMPLATE
from edge_runtime.gallery.checking import verify
from edge_runtime.gallery.file import GalleryFile, Row
from edge_runtime.gallery.header import Space
from edge_runtime.gallery.keys import Access, make_key_file
from edge_runtime.gallery.people import crops_tag
from edge_runtime.gallery.records import CROPS, DETAILS, TEMPLATES, Template
from edge_runtime.gallery.store import Gallery

LENGTH = 16
SPACE = Space(fingerprint="5a" * 32, embedding_length=LENGTH, tower="nobody's")
NAMES = ("Ann", "Ben", "Cy")


def rows_of(number: int) -> Rows:
    """The two embeddings of a person."""
    return strangers(2, LENGTH, seed=number)


def hidden_words() -> tuple[str, ...]:
    """What of the templates no message may hold."""
    rows = np.concatenate([rows_of(n) for n in range(len(NAMES))])
    return tuple(repr(float(v))[:9] for row in rows for v in row[:3]) + tuple(row.tobytes().hex()[:24] for row in rows)


def access_of(folder: Path, protection: str) -> Access:
    """Access by a key in the folder, made when it is first asked for, or by none."""
    if protection == "none":
        return Access(protection="none")
    key = folder / "gallery.key"
    return Access(key_file=key if key.exists() else make_key_file(key))


def made(path: Path, access: Access) -> bytes:
    """The bytes of a gallery of three people, one of them with pictures."""
    path.unlink(missing_ok=True)
    crop = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    with Gallery.open(path, SPACE, create=True, access=access) as gallery:
        for number, name in enumerate(NAMES):
            samples = [
                Template(embedding=row, sharpness=50.0, interocular_px=60.0, added_at=1.7e9, crop_rgb=crop)
                for row in rows_of(number)
            ]
            gallery.enrol(name, samples, tags=["staff"], keep_crops=DEFAULT_TEMPLATE if number == 0 else None)
    return path.read_bytes()


def placed(path: Path, data: bytes) -> Path:
    """A file written, with nothing left beside it of the last one."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}-journal"):
        path.with_name(name).unlink(missing_ok=True)
    path.write_bytes(data)
    return path


def assert_unchanged(path: Path, access: Access) -> None:
    """Open a gallery and read all of it; it must be refused, or hold what was enrolled.

    Raises:
        Wrong: It holds anything else.
    """
    with Gallery.open(path, SPACE, access=access) as gallery:
        found, people = gallery.matrix(), gallery.people()
        rows = gallery.rotation.undo(found.matrix)
        verify(gallery)
    expected = np.concatenate([rows_of(n) for n in range(len(NAMES))])
    if found.names != NAMES or [p.name for p in people] != list(NAMES):
        raise Wrong(f"other people: {found.names}")
    if rows.shape != expected.shape or np.abs(rows - expected).max() > 1e-5:
        raise Wrong("other templates")


def file_target(protection: str) -> tuple[Callable[[Path], list[bytes]], Callable[[Path], Attempt]]:
    """The bytes of a gallery file."""

    def seeds(folder: Path) -> list[bytes]:
        return [made(folder / "seed.db", access_of(folder, protection)), b"", b"SQLite format 3\0" + bytes(84)]

    def make(folder: Path) -> Attempt:
        access = access_of(folder, protection)
        return lambda data: assert_unchanged(placed(folder / "case.db", data), access)

    return seeds, make


_COLUMNS = {
    "gallery": (
        "only_row",
        "id",
        "fingerprint",
        "embedding_length",
        "tower",
        "protection",
        "kdf",
        "wrapped_key",
        "seal",
    ),
    "person": ("id", "alias", "details", "templates"),
    "crops": ("person", "pictures"),
}
_VALUES = (
    "NULL", "0", "-1", "1", "1e308", "9223372036854775807", "-9223372036854775808", "''", "'x'", "x''", "x'00'",
    "char(27) || '[2J'", "char(10)", "zeroblob(100)", "zeroblob(3000000)", "hex(zeroblob(400000))",
    "CAST(x'ff' AS TEXT)",
    "'none'", "'key'", "'passphrase'", "randomblob(40)", "0.5", "9e999", "'{}'", "'[' || hex(zeroblob(9)) || ']'",
)  # fmt: skip
_KDFS = (
    '{"n": 32768, "p": 1, "r": 8, "salt": "0011223344556677"}',
    '{"n": 262144, "p": 16, "r": 8, "salt": "0011223344556677"}',
    '{"n": 2, "p": 1, "r": 1000000, "salt": "0011223344556677"}', '{"n": "\\u001b[2J", "p": 1, "r": 8, "salt": "00"}',
    '{"n": 1e400, "p": NaN, "r": 8, "salt": "0011223344556677"}',
)  # fmt: skip
_STATEMENTS = (
    "CREATE TABLE more (a)", "CREATE VIEW v AS SELECT * FROM person", "CREATE INDEX i ON person (details)",
    "CREATE TRIGGER t AFTER DELETE ON gallery BEGIN DELETE FROM person; END", "DROP TABLE crops", "DROP TABLE person",
    "ALTER TABLE person ADD COLUMN more TEXT", "PRAGMA user_version = 1", "PRAGMA user_version = 3",
    "PRAGMA user_version = -5", "PRAGMA application_id = 1", "DELETE FROM gallery", "DELETE FROM person",
    "INSERT INTO person SELECT id + 10, randomblob(16), details, templates FROM person", "PRAGMA journal_mode = DELETE",
    "INSERT INTO person SELECT -id, randomblob(16), details, templates FROM person", "VACUUM",
)  # fmt: skip


def sql_target(protection: str) -> tuple[Callable[[Path], list[bytes]], Callable[[Path], Attempt]]:
    """The cells of a gallery, exchanged for others of any type, by somebody who has the file but no key."""

    def make(folder: Path) -> Attempt:
        access = access_of(folder, protection)
        whole = made(folder / "whole.db", access)
        with_passphrase = Access(protection=protection, ask=lambda what, new: "a passphrase of the test")

        def attempt(data: bytes) -> None:
            path, choices = placed(folder / "case.db", whole), Choices(data)
            touched = _edit(path, choices)
            given = with_passphrase if touched == "kdf" else access
            assert_unchanged(path, given)

        return attempt

    return lambda folder: [bytes([a, b, c]) * 4 for a in range(4) for b in (0, 3, 7) for c in (1, 11)], make


def _edit(path: Path, choices: Choices) -> str:
    touched = ""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for _ in range(1 + choices.number(3)):
            kind = choices.number(4)
            try:
                if kind == 0:
                    connection.execute(choices.pick(_STATEMENTS))
                elif kind == 1 and not touched:
                    touched = "kdf"
                    words = choices.pick(_KDFS)
                    connection.execute(
                        "UPDATE gallery SET protection = ?, kdf = ?", (choices.pick(("passphrase", "key")), words)
                    )
                else:
                    table = choices.pick(tuple(_COLUMNS))
                    column, value = choices.pick(_COLUMNS[table]), choices.pick(_VALUES)
                    connection.execute(f"UPDATE {table} SET {column} = {value} WHERE rowid = {1 + choices.number(3)}")
            except sqlite3.Error:
                continue
    return touched


def records_target() -> tuple[Callable[[Path], list[bytes]], Callable[[Path], Attempt]]:
    """Records written by somebody who may write them: right checksums and seal, hostile content; shown by commands."""

    def make(folder: Path) -> Attempt:
        access = access_of(folder, "none")
        whole = made(folder / "whole.db", access)

        def attempt(data: bytes) -> None:
            path, choices = placed(folder / "case.db", whole), Choices(data)
            _reseal(path, choices, access)
            words = choices.pick((["list"], ["list", "--json"], ["show", "Ann"], ["show", "Ann", "--json"], ["verify"]))
            command("gallery", *words, "--gallery", path)
            with Gallery.open(path, SPACE, access=access) as gallery:
                found = gallery.matrix()
            if not np.allclose(np.linalg.norm(found.matrix, axis=1), 1, atol=1e-2):
                raise Wrong("a template that is none")

        return attempt

    return lambda folder: [bytes([a, b, 1, 2, 3, 4, 5, 6, 7, 8]) for a in range(3) for b in range(5)], make


def _reseal(path: Path, choices: Choices, access: Access) -> None:
    """Write the first person's row anew with something changed in it, under a right seal."""
    file = GalleryFile(path, access)
    try:
        with file.writing() as change:
            row = next(iter(file.rows(change.before)))
            kind = choices.pick((DETAILS, TEMPLATES, CROPS))
            plain = {DETAILS: row.details[:-16], TEMPLATES: row.templates[:-16]}
            details, templates = plain[DETAILS], plain[TEMPLATES]
            if kind == DETAILS:
                details = changed_details(choices, details)
            elif kind == TEMPLATES:
                templates = changed_bytes(choices, templates)
            else:
                held = file.connection.execute("SELECT pictures FROM crops WHERE person = ?", (row.id,)).fetchone()[0]
                pictures = change.sealer.seal(CROPS, row.id, changed_bytes(choices, held[:-16]))
                file.connection.execute("UPDATE crops SET pictures = ? WHERE person = ?", (pictures, row.id))
                details = details.replace(crops_tag(held).encode(), crops_tag(pictures).encode())
            new = Row(
                id=row.id,
                alias=row.alias,
                details=change.sealer.seal(DETAILS, row.id, details),
                templates=change.sealer.seal(TEMPLATES, row.id, templates),
            )
            file.connection.execute(
                "UPDATE person SET details = ?, templates = ? WHERE id = ?", (new.details, new.templates, row.id)
            )
            change.take(row, 2)
            change.add(new, 2)
    finally:
        file.close()


def changed_details(choices: Choices, plain: bytes) -> bytes:
    """What is known of a person, changed as bytes, as JSON, or in its name."""
    import json

    size = struct.unpack_from("<H", plain)[0]
    name, rest = plain[2 : 2 + size], plain[2 + size :]
    match choices.number(3):
        case 0:
            return changed_bytes(choices, plain)
        case 1:
            name = choices.pick((b"", b"\x1b[2J", b"a\nb", b"\xff", b" ", b"x" * 60_000, "é\u202e".encode(), b"Ben"))
        case _:
            rest = hostile_json(choices, json.loads(rest))
    return struct.pack("<H", len(name)) + name + rest
