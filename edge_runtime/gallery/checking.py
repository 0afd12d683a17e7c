"""Every record of a gallery opened and looked at: ``siamlite gallery verify``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_runtime.errors import GalleryError
from edge_runtime.gallery.crops import count_crops
from edge_runtime.gallery.records import check_rows
from edge_runtime.gallery.rewriting import opened
from edge_runtime.gallery.schema import told

if TYPE_CHECKING:
    from edge_runtime.gallery.store import Gallery


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found.

    Attributes:
        people: People whose records are whole.
        templates: Templates of theirs.
        pictures: Kept pictures of theirs.
        changes: How often the gallery was changed so far.
        problems: What is wrong, a line each; empty if nothing is.
    """

    people: int
    templates: int
    pictures: int
    changes: int
    problems: tuple[str, ...]


def verify(gallery: Gallery) -> Checked:
    """Open every record of a gallery, and check its pages and that its records are all there are.

    It goes on after a damaged record, so as to name all of them.

    Raises:
        GalleryError: SQLite cannot read the file at all, or its seal is broken.
    """
    file = gallery.file
    people = templates = pictures = 0
    problems: list[str] = []
    names: set[str] = set()
    with file.reading() as seal:
        with told(file.path):
            for (words,) in file.connection.execute("PRAGMA integrity_check(20)"):
                if words != "ok":
                    problems.append(f"SQLite: {' '.join(str(words).split())}")
        rows = file.rows(seal)
        while True:
            try:
                row = next(rows, None)
                if row is None:
                    break
                found = opened(file, row)
                kept = 0 if found.crops is None else count_crops(found.crops)
                if not check_rows(found.rows) or kept != found.person.crops or found.person.name in names:
                    problems.append(f"row {row.id} holds what no enrolment writes")
                    continue
            except GalleryError as error:
                problems.append(str(error))
                continue
            names.add(found.person.name)
            people, templates, pictures = people + 1, templates + found.person.templates, pictures + kept
        orphans = file.connection.execute(
            "SELECT COUNT(*) FROM crops WHERE person NOT IN (SELECT id FROM person)"
        ).fetchone()[0]
    if orphans:
        problems.append(f"{orphans} records of pictures belong to nobody")
    return Checked(
        people=people, templates=templates, pictures=pictures, changes=seal.changes, problems=tuple(problems)
    )
