"""An archive of photographs, unpacked beside the faces for as long as they are being cut out."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from edge_runtime.errors import DataError, ImageError, WriteError
from train.data.sources.archive import ArchiveSource
from train.prepare.cut import Record


@contextlib.contextmanager
def unpacked(source: ArchiveSource, folder: Path) -> Iterator[tuple[Record, ...]]:
    """Unpack the pictures of an archive into a folder of people that only its owner may read.

    The archive was checked when it was opened: its names stay inside, and its size has limits.

    Args:
        source: The archive.
        folder: Where to; what an earlier process left there is removed first, and all of it at the end.

    Yields:
        The records of members that are damaged: those are not in the folder.

    Raises:
        DataError: The archive is damaged as a whole, or each of its pictures is.
        WriteError: A picture cannot be written.
    """
    shutil.rmtree(folder, ignore_errors=True)
    try:
        damaged = tuple(_unpack(source, folder))
        if len(damaged) == len(source.entries):
            raise DataError(f"no picture in {source.where} can be read: {damaged[0].detail}")
        yield damaged
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpack(source: ArchiveSource, folder: Path) -> Iterator[Record]:
    try:
        folder.mkdir(mode=0o700)
        for position, content in source.read():
            name = source.entries[position].name
            if isinstance(content, ImageError):
                yield Record(picture=name, sha256="", reason="unreadable", detail=str(content))
            elif isinstance(content, bytes):
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    except OSError as error:
        raise WriteError(
            f"cannot unpack {source.where} into {folder}: {error.strerror or error}. Free some space, choose another "
            "--out, or unpack it elsewhere and prepare the folder."
        ) from error
