"""What is left of removed records: overwritten in the file, and cut from its log."""

from __future__ import annotations

from edge_runtime.errors import GalleryError
from edge_runtime.gallery.file import GalleryFile
from edge_runtime.gallery.schema import told


def tidy(file: GalleryFile) -> None:
    """Write the file anew without what was deleted, and empty its log.

    SQLite has filled what it freed with zeros (``secure_delete``). But pages that it has moved around may hold old
    copies, and its log holds what was there before: ``VACUUM`` rewrites the one, a truncating checkpoint ends the
    other.

    Raises:
        GalleryError: The change that came before was made, but the disk is full or others kept reading.
    """
    try:
        with told(file.path):
            file.connection.execute("VACUUM")
            busy = file.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except GalleryError as error:
        raise _left_behind(file, str(error)) from error
    if busy:
        raise _left_behind(file, "others are reading it")


def _left_behind(file: GalleryFile, why: str) -> GalleryError:
    return GalleryError(
        f"the change was made, but encrypted remains of what it replaced may still be in {file.path} or its -wal file: "
        f"{why} Stop what else uses the gallery, free some space, and make them unreadable: siamlite gallery rekey"
    )
