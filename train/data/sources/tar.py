"""The files of a tar archive, plain or packed by gzip, bzip2 or xz, read from its beginning to its end."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, cast

from edge_runtime.errors import DataError, ImageError
from edge_runtime.images import is_image_path
from train.data.sources.limits import MAX_PICTURE_BYTES, BoundedStream, refuse_large
from train.data.sources.source import Content

_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
_DAMAGE = (OSError, EOFError, tarfile.TarError, zlib.error, lzma.LZMAError, ValueError)


def is_tar(path: Path) -> bool:
    """Whether a file's name says that it is a tar archive."""
    return path.name.lower().endswith(_SUFFIXES)


class TarMembers:
    """See :class:`train.data.sources.archive.Members`."""

    def __init__(self, path: Path) -> None:
        """List an archive, which unpacks it once, in memory and piece by piece.

        Raises:
            DataError: It is damaged, holds a link or a device, or would unpack to too much.
        """
        self._path = path
        self._files: list[tuple[str, int]] = []
        with self._members() as members:
            for member in members:
                if member.isdir():
                    continue
                if not member.isreg() or member.issparse():
                    raise DataError(f"{path} is refused: {member.name!r} is a link or a device, not a plain file.")
                if member.size > MAX_PICTURE_BYTES and is_image_path(Path(member.name)):
                    raise refuse_large(path, member.name)
                self._files.append((member.name, member.size))
            self._check_end(members)

    def _check_end(self, members: tarfile.TarFile) -> None:
        """An archive ends with a block of zeros; tarfile stops without a word at damage, too."""
        stream = cast(IO[bytes], members.fileobj)
        stream.seek(members.offset)
        if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise DataError(f"{self._path} is damaged after {len(self._files)} files. Copy it again.")

    def names(self) -> Sequence[tuple[str, str]]:
        """Name of each file, with its size."""
        return [(name, str(size)) for name, size in self._files]

    def read(self, wanted: dict[str, int]) -> Iterator[tuple[int, Content]]:
        """The wanted files in the archive's order."""
        with self._members() as members:
            for member in members:
                if member.name in wanted and member.isreg():
                    stream = members.extractfile(member)
                    data = stream.read(MAX_PICTURE_BYTES) if stream else b""
                    short = len(data) < member.size
                    error = ImageError(f"{member.name} in {self._path} ends too early.") if short else None
                    yield wanted[member.name], error or data

    @contextlib.contextmanager
    def _members(self) -> Iterator[tarfile.TarFile]:
        try:
            with contextlib.closing(_unpacked(self._path)) as stream:
                bounded = cast(IO[bytes], BoundedStream(stream, self._path))
                with tarfile.open(fileobj=bounded, mode="r:") as members:
                    yield members
        except _DAMAGE as error:
            raise DataError(f"{self._path} is no tar archive that can be read: {error}. Copy it again.") from error


def _unpacked(path: Path) -> IO[bytes]:
    """The archive as plain tar, told from its first bytes."""
    with open(path, "rb") as stream:
        magic = stream.read(6)
    if magic[:2] == b"\x1f\x8b":
        return cast(IO[bytes], gzip.open(path))
    if magic[:3] == b"BZh":
        return cast(IO[bytes], bz2.open(path))
    if magic == b"\xfd7zXZ\0":
        return cast(IO[bytes], lzma.open(path))
    return open(path, "rb")
