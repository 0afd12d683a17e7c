"""The people who may be let in: names and templates, bound to the embedding space they were enrolled in.

One SQLite file, readable by its owner alone and encrypted unless asked otherwise: a row for each person, in which the
name and what else is known is one sealed record and the templates are another. The templates are stored rotated by a
secret matrix and are compared so: whoever compares a probe takes it to :attr:`Gallery.rotation` first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import GalleryError, SpaceMismatch, UsageError
from edge_runtime.faces.align import AlignmentTemplate
from edge_runtime.gallery import people as edits
from edge_runtime.gallery.bulk import insert_many
from edge_runtime.gallery.extending import extend
from edge_runtime.gallery.file import GalleryFile
from edge_runtime.gallery.file import create as create_file
from edge_runtime.gallery.header import Space, TowerLike
from edge_runtime.gallery.keys import Access
from edge_runtime.gallery.matrix import TemplateMatrix, read_matrix
from edge_runtime.gallery.protection import Rotation
from edge_runtime.gallery.records import (
    TEMPLATES,
    EnrolledPerson,
    Quality,
    Template,
    check_name,
    damaged,
    unpack_qualities,
    unpack_rows,
)
from edge_runtime.gallery.tidying import tidy

__all__ = ["Access", "EnrolledPerson", "Gallery", "Quality", "Template", "TemplateMatrix", "check_name"]


class Gallery:
    """An open gallery. Every change is one transaction: it happens wholly or not at all."""

    def __init__(self, file: GalleryFile) -> None:
        """Use :meth:`open`."""
        self.file = file
        self.path = file.path

    @classmethod
    def open(
        cls,
        path: str | Path,
        tower: TowerLike | Space | None = None,
        *,
        create: bool = False,
        access: Access | None = None,
    ) -> Gallery:
        """Open a gallery.

        Args:
            path: The file.
            tower: The tower it is to be used with, or its space; None to list or remove only.
            create: Make an empty gallery for the tower if there is no file.
            access: Where its key is, and how a new gallery is locked; what the environment says if None.

        Raises:
            GalleryError: It is missing, damaged, foreign, of another version, or its key is missing or another's.
            SpaceMismatch: It was enrolled with another tower or interpreter.
            UsageError: ``create`` without a tower, or what was given as its key cannot be one.
            MissingDependency: It is encrypted and the ``cryptography`` package is not installed.
        """
        target, access = Path(path), access or Access()
        space = tower if isinstance(tower, Space) or tower is None else Space.of(tower)
        if not target.exists() and not create:
            raise GalleryError(f"there is no gallery at {target}. Enrol somebody: siamlite enroll NAME --source …")
        if create and (not target.exists() or target.stat().st_size == 0):
            if space is None:
                raise UsageError("a new gallery needs the tower that it is for.")
            create_file(target, space, access)
        gallery = cls(GalleryFile(target, access))
        try:
            if space is not None:
                gallery.require_space(space.fingerprint)
            return gallery
        except BaseException:
            gallery.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def __enter__(self) -> Gallery:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def space(self) -> Space:
        """The embedding space it belongs to."""
        return self.file.header.space

    @property
    def fingerprint(self) -> str:
        """Fingerprint of that space."""
        return self.space.fingerprint

    @property
    def embedding_length(self) -> int:
        """Length of its templates."""
        return self.space.embedding_length

    @property
    def protection(self) -> str:
        """How it is locked: ``"key"``, ``"passphrase"``, or ``"none"`` if it is not encrypted."""
        return self.file.header.protection

    @property
    def rotation(self) -> Rotation:
        """What a probe must be taken through before it is compared; another one after ``rekey``."""
        return self.file.sealer.rotation

    def require_space(self, tower_fingerprint: str) -> None:
        """Refuse a tower whose embeddings must not be compared with these templates.

        Raises:
            SpaceMismatch: The gallery was enrolled in another embedding space.
        """
        if tower_fingerprint != self.fingerprint:
            raise SpaceMismatch(
                f"{self.path} was enrolled in the embedding space {self.fingerprint[:16]} (tower {self.space.tower}), "
                f"but this tower gives {tower_fingerprint[:16]}: their embeddings must not be compared. Use the tower "
                "and the interpreter that it was enrolled with, re-embed kept pictures with siamlite gallery migrate, "
                "or enrol the people again into a new --gallery.",
                gallery_fingerprint=self.fingerprint,
                tower_fingerprint=tower_fingerprint,
            )

    def changes(self) -> int:
        """How often the gallery was changed, as it is now: read again what you hold if this has grown.

        Raises:
            GalleryError: The file is damaged, or is an older one that was put back.
        """
        with self.file.reading() as seal:
            return seal.changes

    def people(self) -> list[EnrolledPerson]:
        """Who is enrolled, by name.

        Raises:
            GalleryError: The gallery is not whole.
        """
        with self.file.reading() as seal:
            found = [edits.details_of(self.file, row) for row in self.file.rows(seal)]
        return sorted(found, key=lambda person: person.name)

    def person(self, name: str) -> tuple[EnrolledPerson, list[Quality]]:
        """What is known of a person, and the quality and time of each of their templates.

        Raises:
            GalleryError: They are not enrolled, or the gallery is not whole.
        """
        wanted, found = self.file.sealer.alias(name), None
        with self.file.reading() as seal:
            for row in self.file.rows(seal):
                if row.alias == wanted:
                    plain = self.file.sealer.open(TEMPLATES, row.id, row.templates)
                    rows = None if plain is None else unpack_rows(plain, self.embedding_length)
                    qualities = None if plain is None or rows is None else unpack_qualities(plain)
                    if qualities is None:
                        raise damaged(self.path, "the templates of a person")
                    found = edits.details_of(self.file, row), qualities
        if found is None or found[0].name != name:
            raise edits.not_enrolled(self.path, name)
        return found

    def matrix(self, name: str | None = None) -> TemplateMatrix:
        """The templates of everybody, or of one person, ready to be compared.

        Args:
            name: One person; all if None.

        Raises:
            GalleryError: The gallery is not whole, or the named person is not enrolled.
        """
        return read_matrix(self.file, name)

    def templates(self, name: str | None = None) -> dict[str, npt.NDArray[np.float32]]:
        """Templates by person, in the protected space: float32 of shape (templates, d), rows of length 1.

        Args:
            name: One person; all if None.

        Raises:
            GalleryError: The gallery is not whole, or the named person is not enrolled.
        """
        found = self.matrix(name)
        starts = np.searchsorted(found.owners, np.arange(len(found.names) + 1))
        return {n: found.matrix[starts[i] : starts[i + 1]] for i, n in enumerate(found.names)}

    def enrol(
        self,
        name: str,
        templates: Sequence[Template],
        *,
        replace: bool = False,
        tags: Sequence[str] = (),
        notes: str = "",
        keep_crops: AlignmentTemplate | None = None,
    ) -> None:
        """Add a person.

        Args:
            name: 1 to 100 printable characters.
            templates: At least one.
            replace: Replace the person if they are enrolled already; what is left of them is overwritten.
            tags: Words to group people by.
            notes: Free text.
            keep_crops: Keep the crops too, encrypted, which were aligned to this.

        Raises:
            UsageError: The name is unusable, or taken.
            GalleryError: The file cannot be written.
        """
        new = edits.NewPerson(name=name, templates=templates, tags=tuple(tags), notes=notes, aligned_to=keep_crops)
        with self.file.writing() as change:
            replaced = edits.insert(self.file, change, new, replace=replace)
        if replaced:
            tidy(self.file)

    def enrol_many(self, people: Iterable[tuple[str, Sequence[Template]]]) -> int:
        """Add many people in one change: all of them, or none; returns how many.

        Raises:
            UsageError: A name is unusable or taken.
            GalleryError: The file cannot be written.
        """
        with self.file.writing() as change:
            return insert_many(self.file, change, people)

    def extend(
        self, name: str, templates: Sequence[Template], *, keep_crops: AlignmentTemplate | None = None
    ) -> EnrolledPerson:
        """Add samples to a person; returns what is known of them now. See :mod:`edge_runtime.gallery.extending`."""
        with self.file.writing() as change:
            return extend(self.file, change, name, templates, keep_crops)

    def rename(self, name: str, new_name: str) -> None:
        """Give a person another name.

        Raises:
            UsageError: The new name is unusable, or taken.
            GalleryError: They are not enrolled, or the file cannot be written.
        """
        check_name(new_name)
        with self.file.writing() as change:
            edits.describe(self.file, change, name, lambda person: replace(person, name=new_name))
        tidy(self.file)

    def describe(
        self, name: str, *, add: Sequence[str] = (), drop: Sequence[str] = (), notes: str | None = None
    ) -> EnrolledPerson:
        """Change a person's tags and notes; returns what is known of them now.

        Args:
            name: Who.
            add: Tags to add.
            drop: Tags to take away.
            notes: What the notes shall be; as they are if None.

        Raises:
            UsageError: A tag or the notes are unusable.
            GalleryError: They are not enrolled, or the file cannot be written.
        """
        with self.file.writing() as change:
            return edits.describe(self.file, change, name, lambda person: edits.tagged(person, add, drop, notes))

    def remove(self, name: str) -> None:
        """Remove a person, and overwrite what is left of them in the file and its log.

        Raises:
            GalleryError: They are not enrolled, or the file cannot be written; or they were removed, but others that
                read the gallery kept the file from being cleaned.
        """
        with self.file.writing() as change:
            edits.delete(self.file, change, name)
        tidy(self.file)
