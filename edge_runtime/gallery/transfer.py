"""People carried from one gallery to another, in one encrypted and authenticated file."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.errors import GalleryError, SiamliteError, SpaceMismatch, UsageError
from edge_runtime.files import open_whole, write_stream
from edge_runtime.gallery import people as edits
from edge_runtime.gallery.crops import count_crops
from edge_runtime.gallery.header import Space
from edge_runtime.gallery.keys import Access, TransferAccess
from edge_runtime.gallery.records import (
    EnrolledPerson,
    Quality,
    Template,
    check_rows,
    pack_templates,
    unpack_qualities,
    unpack_rows,
)
from edge_runtime.gallery.rewriting import Opened, opened
from edge_runtime.gallery.stream import Head, decrypted, encrypted, new_head, read_head
from edge_runtime.gallery.tidying import tidy
from edge_runtime.measures.metrics import unit_rows

if TYPE_CHECKING:
    from edge_runtime.gallery.store import Gallery

_PARTS = struct.Struct("<III")
_MAX_FILE = 1 << 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did.

    Attributes:
        added: Who was added.
        replaced: Who was replaced.
    """

    added: tuple[str, ...]
    replaced: tuple[str, ...]


def export_people(
    gallery: Gallery, path: Path, access: TransferAccess, *, names: Sequence[str] = (), crops: bool = True
) -> int:
    """Write people to a file; returns how many.

    The templates in it are those of the tower's space: another gallery rotates them by its own matrix.

    Args:
        gallery: The gallery.
        path: The file to write, for its owner alone.
        access: What it is locked with.
        names: Who; everybody if empty.
        crops: Take along the pictures that are kept.

    Raises:
        GalleryError: The gallery is not whole, or one of the names is not enrolled; nothing was written.
        UsageError: The secret cannot be used.
        WriteError: The file cannot be written.
    """
    space = gallery.space
    values = {"fingerprint": space.fingerprint, "embedding_length": space.embedding_length, "tower": space.tower}
    head, secret = new_head(access.protection, values), access.secret(path, new=True)
    with gallery.file.reading() as seal:
        # Before anything is written: is the gallery whole, and who is in it?
        there = {edits.details_of(gallery.file, row).name for row in gallery.file.rows(seal)}
        missing = sorted(set(names) - there)
        if missing:
            raise edits.not_enrolled(gallery.path, missing[0])
        wanted = set(names) or there

        def chunks() -> Iterator[bytes]:
            for row in gallery.file.rows(seal):
                found = opened(gallery.file, row)
                if found.person.name in wanted:
                    yield _pack(found, crops=crops)

        write_stream(path, encrypted(head, secret, chunks(), path), mode=0o600)
    return len(wanted)


def import_people(
    path: Path, gallery_path: Path, access: TransferAccess, gallery_access: Access, *, replace: bool = False
) -> Imported:
    """Add the people of a file to a gallery, which is made if there is none: all of them, or none.

    Args:
        path: The file.
        gallery_path: The gallery.
        access: What the file is locked with.
        gallery_access: How the gallery is opened, or locked if it is new.
        replace: Replace people who are enrolled already.

    Raises:
        GalleryError: The file is damaged, hostile, or locked with another secret, or the gallery cannot be used;
            nothing was changed.
        SpaceMismatch: The file was exported from another space.
        UsageError: Somebody is enrolled already, or a secret cannot be used.
    """
    from edge_runtime.gallery.store import Gallery

    with _open(path) as stream:
        head = read_head(stream, path)
        space, secret = _space(head, path), access.secret(path, protection=head.protection)
        start = stream.tell()
        # The whole file first: of one that is not what was exported nothing is used, and no gallery is made.
        for chunk in decrypted(head, secret, stream, path):
            _unpack(chunk, space, path)
        with Gallery.open(gallery_path, create=True, tower=None if gallery_path.exists() else space,
                          access=gallery_access) as gallery:  # fmt: skip
            _require(space, gallery, path)
            stream.seek(start)
            people = (_unpack(chunk, space, path) for chunk in decrypted(head, secret, stream, path))
            done = _insert(gallery, (person for person in people if person is not None), replace)
            if done.replaced:
                tidy(gallery.file)
            return done


def _insert(gallery: Gallery, people: Iterator[edits.NewPerson], replace: bool) -> Imported:
    added: list[str] = []
    replaced: list[str] = []
    with gallery.file.writing() as change:
        for person in people:
            taken = edits.insert(gallery.file, change, person, replace=replace)
            (replaced if taken else added).append(person.name)
    return Imported(added=tuple(added), replaced=tuple(replaced))


def _pack(found: Opened, *, crops: bool) -> bytes:
    parts = [found.person.to_bytes(), pack_templates(found.rows, found.qualities), (crops and found.crops) or b""]
    return _PARTS.pack(*map(len, parts)) + b"".join(parts)


def _unpack(chunk: bytes, space: Space, path: Path) -> edits.NewPerson | None:
    """A person from a chunk; None from the empty one of a file without people."""
    if not chunk:
        return None
    try:
        sizes = _PARTS.unpack_from(chunk)
        ends = list(itertools.accumulate([_PARTS.size, *sizes]))
        parts = [chunk[start:end] for start, end in itertools.pairwise(ends)]
        person, rows = EnrolledPerson.from_bytes(parts[0]), unpack_rows(parts[1], space.embedding_length)
        qualities = None if rows is None else unpack_qualities(parts[1])
        if person is None or rows is None or qualities is None or ends[-1] != len(chunk) or not check_rows(rows):
            raise ValueError("no person")
        if parts[2] and count_crops(parts[2]) != len(rows):
            raise ValueError("pictures without a template")
        return edits.NewPerson(
            name=person.name,
            templates=_templates(unit_rows(rows), qualities),
            tags=person.tags,
            notes=person.notes,
            enrolled_at=person.enrolled_at,
            packed_crops=parts[2] or None,
        )
    except (ValueError, TypeError, struct.error, SiamliteError) as error:
        raise GalleryError(f"{path} holds what no gallery exports. Nothing of it was used.") from error


def _templates(rows: Any, qualities: list[Quality]) -> list[Template]:
    return [
        Template(embedding=row, sharpness=q.sharpness, interocular_px=q.interocular_px, added_at=q.added_at)
        for row, q in zip(rows, qualities, strict=True)
    ]


def _space(head: Head, path: Path) -> Space:
    try:
        return Space(**head.values)
    except (TypeError, SiamliteError) as error:
        raise GalleryError(f"{path} does not say which tower it is for. Nothing of it was used.") from error


def _require(space: Space, gallery: Gallery, path: Path) -> None:
    if space.fingerprint != gallery.fingerprint or space.embedding_length != gallery.embedding_length:
        raise SpaceMismatch(
            f"{path} was exported from the embedding space {space.fingerprint[:16]} (tower {space.tower}), but "
            f"{gallery.path} belongs to {gallery.fingerprint[:16]} (tower {gallery.space.tower}): their templates "
            "must not be compared. Import it into another --gallery.",
            gallery_fingerprint=gallery.fingerprint,
            tower_fingerprint=space.fingerprint,
        )


def _open(path: Path) -> Any:
    try:
        return open_whole(path, most_bytes=_MAX_FILE)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}.") from error
