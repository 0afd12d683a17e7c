"""Rows of people: opened, written, changed and deleted, inside a transaction that the caller began."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from edge_runtime.errors import GalleryError, UsageError
from edge_runtime.faces.align import AlignmentTemplate
from edge_runtime.gallery.crops import pack_crops
from edge_runtime.gallery.file import Change, Database, GalleryFile, Row
from edge_runtime.gallery.records import (
    CROPS,
    DETAILS,
    TEMPLATES,
    EnrolledPerson,
    Template,
    check_count,
    check_name,
    check_notes,
    check_tags,
    damaged,
    name_in,
    pack_templates,
    qualities_of,
    stack,
)
from edge_runtime.gallery.sealing import Sealer


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPerson:
    """A person to be written.

    Attributes:
        name: Their name.
        templates: Their samples, in the tower's space.
        tags: Words to group people by.
        notes: Free text.
        enrolled_at: When, in seconds since 1970; now if None.
        aligned_to: Keep the crops of the samples, which were aligned to this; None to keep none.
        packed_crops: Their crops as :func:`~edge_runtime.gallery.crops.pack_crops` gave them, instead.
    """

    name: str
    templates: Sequence[Template] = field(repr=False)
    tags: tuple[str, ...] = ()
    notes: str = ""
    enrolled_at: float | None = None
    aligned_to: AlignmentTemplate | None = None
    packed_crops: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse what must not be in a gallery."""
        check_name(self.name)
        check_count(len(self.templates))
        check_tags(self.tags)
        check_notes(self.notes)
        if self.aligned_to is not None and any(template.crop_rgb is None for template in self.templates):
            raise UsageError("to keep the pictures of a person, each sample must come with one.")


def details_of(file: GalleryFile, row: Row) -> EnrolledPerson:
    """What is known of the person of a row. That the alias is theirs, the seal says.

    Raises:
        GalleryError: The record is damaged, or is another person's.
    """
    plain = file.sealer.open(DETAILS, row.id, row.details)
    person = None if plain is None else EnrolledPerson.from_bytes(plain)
    if person is None:
        raise damaged(file.path, "the record of a person")
    return person


def name_of(file: GalleryFile, row: Row) -> str:
    """Who the person of a row is (see :func:`details_of`)."""
    plain = file.sealer.open(DETAILS, row.id, row.details)
    name = None if plain is None else name_in(plain)
    if name is None:
        raise damaged(file.path, "the record of a person")
    return name


def open_details(file: Database, row: Row, sealer: Sealer) -> EnrolledPerson:
    """What is known of the person of a row that was found by its alias, before the seal is checked.

    Raises:
        GalleryError: The record is damaged, or is another person's.
    """
    plain = sealer.open(DETAILS, row.id, row.details)
    person = None if plain is None else EnrolledPerson.from_bytes(plain)
    if person is None or sealer.alias(person.name) != row.alias:
        raise damaged(file.path, "the record of a person")
    return person


def not_enrolled(path: Path, name: str) -> GalleryError:
    """The error for a name that nobody has."""
    return GalleryError(f"{name!r} is not enrolled in {path}. See who is: siamlite gallery list")


def find(file: Database, sealer: Sealer, name: str) -> Row | None:
    """The row of a person by name; None if there is none. The set is not checked: only a change may rely on it."""
    values = file.connection.execute(
        "SELECT id, alias, details, templates FROM person WHERE alias = ?", (sealer.alias(name),)
    ).fetchone()
    return None if values is None else Row(*values)


def insert(file: Database, change: Change, new: NewPerson, *, replace: bool = False, number: int | None = None) -> bool:
    """Write a new person; whether another row was removed for it.

    Args:
        file: The gallery.
        change: The change it belongs to.
        new: The person.
        replace: Replace a person of that name.
        number: Of the row, if the caller counts them; the next one if None.

    Raises:
        UsageError: The name is taken, or a template is none.
        GalleryError: The row that is to be replaced is damaged.
    """
    rows = stack(new.templates, change.header.space.embedding_length)
    taken = find(file, change.sealer, new.name)
    if taken is not None and not replace:
        raise UsageError(f"{new.name!r} is enrolled already. Replace them with --force, or choose another name.")
    if taken is not None:
        delete_row(file, change, taken)
    number = next_number(file)
    now = time.time()
    qualities = qualities_of(new.templates, now)
    crops = new.packed_crops if new.aligned_to is None else pack_crops(new.templates, new.aligned_to)
    person = EnrolledPerson(
        name=new.name,
        templates=len(rows),
        enrolled_at=now if new.enrolled_at is None else new.enrolled_at,
        tags=check_tags(new.tags),
        notes=new.notes,
        crops=0 if crops is None else len(rows),
    )
    write(file, change, number, person, pack_templates(change.sealer.rotation.apply(rows), qualities), crops)
    return taken is not None


def next_number(file: Database) -> int:
    """The number of the next row."""
    return int(file.connection.execute("SELECT COALESCE(MAX(id), 0) + 1 FROM person").fetchone()[0])


def write(
    file: Database, change: Change, number: int, person: EnrolledPerson, templates: bytes, crops: bytes | None
) -> None:
    """Seal and insert a person's records.

    Args:
        file: The gallery.
        change: The change it belongs to.
        number: Of the row.
        person: What is known of them.
        templates: What :func:`~edge_runtime.gallery.records.pack_templates` gave, in the protected space.
        crops: What :func:`~edge_runtime.gallery.crops.pack_crops` gave; None if none are kept.
    """
    sealer, tag = change.sealer, ""
    pictures = None if crops is None else sealer.seal(CROPS, number, crops)
    if pictures is not None:
        tag = crops_tag(pictures)
    row = Row(
        id=number,
        alias=sealer.alias(person.name),
        details=sealer.seal(DETAILS, number, replace(person, crops_tag=tag).to_bytes()),
        templates=sealer.seal(TEMPLATES, number, templates),
    )
    insert_row(file, row)
    if pictures is not None:
        file.connection.execute("INSERT INTO crops VALUES (?, ?)", (number, pictures))
    change.add(row, person.templates)


def insert_row(file: Database, row: Row) -> None:
    """Insert a row as it is."""
    file.connection.execute("INSERT INTO person VALUES (?, ?, ?, ?)", (row.id, row.alias, row.details, row.templates))


def crops_tag(pictures: bytes) -> str:
    """What ties a sealed record of pictures to the person's: its nonce and its tag, as hexadecimal digits."""
    return (pictures[:12] + pictures[-16:]).hex()


def crops_of(file: GalleryFile, row: Row, person: EnrolledPerson) -> bytes | None:
    """The kept pictures of a person, opened; None if none are kept.

    Raises:
        GalleryError: They are missing, damaged, or not those that were last written.
    """
    if not person.crops:
        return None
    found = file.connection.execute("SELECT pictures FROM crops WHERE person = ?", (row.id,)).fetchone()
    if found is None or not isinstance(found[0], bytes) or crops_tag(found[0]) != person.crops_tag:
        raise damaged(file.path, "the kept pictures of a person")
    plain = file.sealer.open(CROPS, row.id, found[0])
    if plain is None:
        raise damaged(file.path, "the kept pictures of a person")
    return plain


def delete(file: Database, change: Change, name: str) -> None:
    """Delete a person's row, and their pictures with it.

    Raises:
        GalleryError: They are not enrolled, or the row is damaged.
    """
    row = find(file, change.sealer, name)
    if row is None:
        raise not_enrolled(file.path, name)
    delete_row(file, change, row)


def delete_row(file: Database, change: Change, row: Row) -> None:
    """Delete a row.

    Raises:
        GalleryError: It is damaged.
    """
    person = open_details(file, row, change.sealer)
    file.connection.execute("DELETE FROM person WHERE id = ?", (row.id,))
    change.take(row, person.templates)


def describe(
    file: GalleryFile, change: Change, name: str, edit: Callable[[EnrolledPerson], EnrolledPerson]
) -> EnrolledPerson:
    """Replace what is known of a person; returns what is known now.

    Raises:
        UsageError: The new name is taken.
        GalleryError: They are not enrolled, or the row is damaged.
    """
    row = find(file, change.sealer, name)
    if row is None:
        raise not_enrolled(file.path, name)
    before = open_details(file, row, change.sealer)
    after = edit(before)
    if after.name != before.name and find(file, change.sealer, after.name) is not None:
        raise UsageError(f"{after.name!r} is enrolled already. Choose another name.")
    details = change.sealer.seal(DETAILS, row.id, after.to_bytes())
    new = Row(id=row.id, alias=change.sealer.alias(after.name), details=details, templates=row.templates)
    file.connection.execute("UPDATE person SET alias = ?, details = ? WHERE id = ?", (new.alias, details, row.id))
    change.take(row, before.templates)
    change.add(new, after.templates)
    return after


def tagged(person: EnrolledPerson, add: Sequence[str], drop: Sequence[str], notes: str | None) -> EnrolledPerson:
    """A person with other tags and notes.

    Raises:
        UsageError: A tag or the notes are unusable, or a tag is to be dropped that they do not have.
    """
    missing = sorted(set(drop) - set(person.tags))
    if missing:
        raise UsageError(f"{person.name!r} has no tag {missing[0]!r}; they have: {', '.join(person.tags) or 'none'}.")
    tags = check_tags([*(tag for tag in person.tags if tag not in drop), *add])
    return replace(person, tags=tags, notes=person.notes if notes is None else check_notes(notes))
