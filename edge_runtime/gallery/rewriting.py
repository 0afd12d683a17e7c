"""Every record written anew, in one change: with a new key, or in another embedding space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import GalleryError
from edge_runtime.gallery import people as edits
from edge_runtime.gallery.crops import KeptCrops, unpack_crops
from edge_runtime.gallery.file import GalleryFile, Row
from edge_runtime.gallery.header import Space
from edge_runtime.gallery.keys import Access
from edge_runtime.gallery.records import (
    TEMPLATES,
    EnrolledPerson,
    Quality,
    check_rows,
    damaged,
    pack_templates,
    unpack_qualities,
    unpack_rows,
)
from edge_runtime.gallery.sealing import new_header
from edge_runtime.gallery.tidying import tidy
from edge_runtime.measures.metrics import unit_rows

if TYPE_CHECKING:
    from edge_runtime.gallery.store import Gallery
    from edge_runtime.towers.tower import Tower


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """All that is kept of a person, opened.

    Attributes:
        row: The row, still sealed.
        person: What is known of them.
        rows: float32 of shape (n, d), in the tower's space.
        qualities: Of each template.
        crops: The bytes of their kept pictures; None if there are none.
    """

    row: Row
    person: EnrolledPerson
    rows: npt.NDArray[np.float32] = field(repr=False)
    qualities: list[Quality]
    crops: bytes | None = field(repr=False)


def opened(file: GalleryFile, row: Row) -> Opened:
    """Open all records of a person.

    Raises:
        GalleryError: One is damaged.
    """
    person = edits.details_of(file, row)
    plain = file.sealer.open(TEMPLATES, row.id, row.templates)
    rows = None if plain is None else unpack_rows(plain, file.header.space.embedding_length)
    qualities = None if plain is None or rows is None else unpack_qualities(plain)
    if rows is None or qualities is None or len(rows) != person.templates or not check_rows(rows):
        raise damaged(file.path, "the templates of a person")
    return Opened(
        row=row,
        person=person,
        rows=unit_rows(file.sealer.rotation.undo(rows)),
        qualities=qualities,
        crops=edits.crops_of(file, row, person),
    )


def rekey(gallery: Gallery, access: Access | None = None) -> int:
    """Draw a new key and a new rotation, and write every record anew with them; returns how many people there are.

    Copies of the gallery that were taken before can no longer be compared with it, nor be read with what it is locked
    with from now on, if that is another secret.

    Args:
        gallery: The gallery.
        access: How it is locked from now on; as before if None.

    Raises:
        GalleryError: A record is damaged, or the file cannot be written; nothing was changed.
        UsageError, WriteError: The new secret cannot be used or made.
    """
    file = gallery.file
    new = replace(file.access, protection=gallery.protection) if access is None else access

    def remake(found: Opened) -> npt.NDArray[np.float32]:
        return found.rows

    count = _rewrite(file, gallery.space, new, new_secret=access is not None, remake=remake)
    tidy(file)
    return count


def reembed(gallery: Gallery, tower: Tower, *, drop: bool = False) -> tuple[int, list[str]]:
    """Embed everybody's kept pictures with another tower.

    Args:
        gallery: A gallery of any space; it belongs to the tower's afterwards.
        tower: The tower.
        drop: Remove people of whom no pictures are kept.

    Returns:
        How many people were embedded anew, and who was removed.

    Raises:
        GalleryError: Of some people no pictures are kept, a record is damaged, or the file cannot be written; nothing
            was changed.
    """
    without = [person.name for person in gallery.people() if not person.crops]
    if without and not drop:
        names = ", ".join(without[:5]) + (f" and {len(without) - 5} more" if len(without) > 5 else "")
        raise GalleryError(
            f"no pictures are kept of {names}: they cannot be embedded anew. Enrol them again with the new tower into "
            "another --gallery, or remove them with --drop. Nothing was changed."
        )

    def remake(found: Opened) -> npt.NDArray[np.float32] | None:
        if found.crops is None:
            return None
        kept: KeptCrops = unpack_crops(found.crops)
        crops = kept.fitted(tower.card.input.size_px, tower.card.template)
        return tower.embed(np.stack(crops))

    access = replace(gallery.file.access, protection=gallery.protection)
    count = _rewrite(gallery.file, Space.of(tower), access, new_secret=False, remake=remake)
    tidy(gallery.file)
    return count, without


def _rewrite(
    file: GalleryFile,
    space: Space,
    access: Access,
    *,
    new_secret: bool,
    remake: Callable[[Opened], npt.NDArray[np.float32] | None],
) -> int:
    header, sealer = new_header(space, access, file.path, gallery_id=file.header.gallery_id, new_secret=new_secret)
    with file.writing() as change:
        change.restart()
        if space != file.header.space:
            # A threshold that was raised for people in one space means nothing in another.
            change.notes = b""
        change.header, change.sealer = header, sealer
        for row in file.rows(change.before):
            found = opened(file, row)
            rows = remake(found)
            file.connection.execute("DELETE FROM person WHERE id = ?", (row.id,))
            if rows is not None:
                templates = pack_templates(sealer.rotation.apply(rows), found.qualities)
                edits.write(file, change, row.id, found.person, templates, found.crops)
    file.access = access
    return change.people
