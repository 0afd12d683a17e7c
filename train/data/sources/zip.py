"""The files of a zip archive."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from edge_runtime.errors import DataError, ImageError
from edge_runtime.images import is_image_path
from train.data.sources.limits import MAX_PICTURE_BYTES, refuse_bomb, refuse_large, unpacked_limit
from train.data.sources.source import Content

_DAMAGE = (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


class ZipMembers:
    """See :class:`train.data.sources.archive.Members`."""

    def __init__(self, path: Path) -> None:
        """List an archive.

        Raises:
            DataError: It is damaged, encrypted, holds a link, or would unpack to too much.
        """
        self._path = path
        try:
            with zipfile.ZipFile(path) as archive:
                self._files = [info for info in archive.infolist() if not info.is_dir()]
        except _DAMAGE as error:
            raise DataError(f"{path} is no zip archive that can be read: {error}. Copy it again.") from error
        for info in self._files:
            self._check(info)
        if sum(info.file_size for info in self._files if is_image_path(Path(info.filename))) > unpacked_limit(path):
            raise refuse_bomb(path)

    def _check(self, info: zipfile.ZipInfo) -> None:
        mode = stat.S_IFMT(info.external_attr >> 16)
        if mode not in (0, stat.S_IFREG):
            raise DataError(f"{self._path} is refused: {info.filename!r} is a link or a device, not a file.")
        if info.flag_bits & 1:
            raise DataError(f"{self._path} is encrypted. Unpack it with its password and give the folder.")
        if info.file_size > MAX_PICTURE_BYTES and is_image_path(Path(info.filename)):
            raise refuse_large(self._path, info.filename)

    def names(self) -> Sequence[tuple[str, str]]:
        """Name of each file, with its size and checksum."""
        return [(info.filename, f"{info.file_size} {info.CRC}") for info in self._files]

    def read(self, wanted: dict[str, int]) -> Iterator[tuple[int, Content]]:
        """The wanted files in the archive's order; a damaged one gives an error in place of its bytes."""
        files = sorted((i for i in self._files if i.filename in wanted), key=lambda info: info.header_offset)
        with zipfile.ZipFile(self._path) as archive:
            for info in files:
                try:
                    with archive.open(info) as stream:
                        content: Content = stream.read(MAX_PICTURE_BYTES)
                except _DAMAGE as error:
                    content = ImageError(f"{info.filename} in {self._path} is damaged: {error}.")
                yield wanted[info.filename], content
