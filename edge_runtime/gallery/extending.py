"""Samples added to a person who is enrolled already: only ever because somebody asked for it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edge_runtime.errors import UsageError
from edge_runtime.faces.align import AlignmentTemplate
from edge_runtime.gallery import people as edits
from edge_runtime.gallery.crops import add_crops
from edge_runtime.gallery.file import Change, GalleryFile
from edge_runtime.gallery.records import (
    TEMPLATES,
    EnrolledPerson,
    Template,
    check_count,
    damaged,
    pack_templates,
    qualities_of,
    stack,
    unpack_qualities,
    unpack_rows,
)


def extend(
    file: GalleryFile, change: Change, name: str, templates: Sequence[Template], aligned_to: AlignmentTemplate | None
) -> EnrolledPerson:
    """Add samples to a person; returns what is known of them now.

    Args:
        file: The gallery.
        change: The change it belongs to.
        name: Who.
        templates: Their new samples.
        aligned_to: What the crops of the samples were aligned to, if pictures of the person are kept.

    Raises:
        UsageError: A template is none, they would have too many, or pictures are kept and the samples bring none.
        GalleryError: They are not enrolled, or a record is damaged.
    """
    length = change.header.space.embedding_length
    row = edits.find(file, change.sealer, name)
    if row is None:
        raise edits.not_enrolled(file.path, name)
    person = edits.open_details(file, row, change.sealer)
    plain = change.sealer.open(TEMPLATES, row.id, row.templates)
    before = None if plain is None else unpack_rows(plain, length)
    kept = None if plain is None or before is None else unpack_qualities(plain)
    if before is None or kept is None:
        raise damaged(file.path, "the templates of a person")
    check_count(len(templates))
    check_count(len(before) + len(templates))
    rows = np.concatenate([before, change.sealer.rotation.apply(stack(templates, length))])
    qualities = [*kept, *qualities_of(templates, time.time())]
    crops = edits.crops_of(file, row, person)
    if crops is not None:
        if aligned_to is None or any(template.crop_rgb is None for template in templates):
            raise UsageError(f"pictures are kept of {name!r}: each new sample must come with one, and its alignment.")
        crops = add_crops(crops, templates, aligned_to)
    after = replace(person, templates=len(rows), crops=len(rows) if crops is not None else 0)
    edits.delete_row(file, change, row)
    edits.write(file, change, row.id, after, pack_templates(rows, qualities), crops)
    return after
