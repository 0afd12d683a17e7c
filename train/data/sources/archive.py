"""Folders of people in a zip or tar archive: read in place, never unpacked to the disk."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from edge_runtime.errors import DataError
from edge_runtime.faces.align import AlignmentTemplate
from edge_runtime.images import is_image_path
from edge_runtime.people import FACES_MARK
from train.data.sources.layout import natural_order, omniglot_entries, people_entries, wrapper_of
from train.data.sources.limits import MAX_MARK_BYTES
from train.data.sources.mark import marked_template
from train.data.sources.source import Content, Entry, Kind, check_entries, fingerprint_of
from train.data.sources.tar import TarMembers, is_tar
from train.data.sources.zip import ZipMembers

_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]|^[A-Za-z]:|^/")


class Members(Protocol):
    """The files of an archive, whatever its format."""

    def names(self) -> Sequence[tuple[str, str]]:
        """Name and state (size, checksum) of each regular file, after all limits were checked."""

    def read(self, wanted: dict[str, int]) -> Iterator[tuple[int, Content]]:
        """Content of the wanted files, with the number given for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveSource:
    """Pictures of an archive (see :class:`train.data.sources.source.PictureSource`).

    Attributes:
        path: The archive.
        members: Its files.
        kind: Whether they are faces.
        template: How they are aligned.
        entries: All pictures.
        files: The archive's name for each of them.
    """

    path: Path
    members: Members
    kind: Kind
    template: AlignmentTemplate | None
    entries: Sequence[Entry]
    files: Sequence[str]

    @property
    def where(self) -> str:
        """The archive."""
        return str(self.path)

    def fingerprint(self) -> str:
        """Changes with the place, size and time of the archive, and with what it lists."""
        state = self.path.stat()
        listed = [f"{name}\0{what}" for name, what in self.members.names()]
        return fingerprint_of(str(self.path.resolve()), [f"{state.st_size}\0{state.st_mtime_ns}", *listed])

    def read(self) -> Iterator[tuple[int, Content]]:
        """The bytes of each picture, in the archive's order."""
        return self.members.read({name: position for position, name in enumerate(self.files)})


def is_archive(path: Path) -> bool:
    """Whether a file's name says that it is an archive that can be read."""
    return path.is_file() and (path.suffix.lower() == ".zip" or is_tar(path))


def open_archive(path: Path, *, omniglot: bool = False) -> ArchiveSource:
    """List an archive of folders of people, or of alphabets and characters.

    Args:
        path: The archive. One folder around all the others is stepped into.
        omniglot: Whether the two innermost folders are the person.

    Raises:
        DataError: It is damaged, hostile, or holds no pictures.
    """
    members: Members = TarMembers(path) if is_tar(path) else ZipMembers(path)
    names = [name for name, _ in members.names()]
    pictures = [name for name in names if _is_picture(safe_path(name, path))]
    paths = [PurePosixPath(name) for name in pictures]
    order = natural_order(paths)
    paths, pictures = [paths[i] for i in order], [pictures[i] for i in order]
    if omniglot:
        entries: list[Entry | None] = [*omniglot_entries(paths, str(path))]
        kind: Kind = "pictures"
        template = None
    else:
        wrapper = wrapper_of(paths, {PurePosixPath(name).as_posix() for name in names})
        mark = _read_mark(members, names, wrapper, path)
        entries = people_entries([p.relative_to(wrapper) for p in paths] if wrapper else paths)
        kind, template = ("faces" if mark else "unmarked"), marked_template(mark, str(path))
    kept = [(entry, name) for entry, name in zip(entries, pictures, strict=True) if entry is not None]
    check_entries([entry for entry, _ in kept], str(path))
    return ArchiveSource(
        path=path,
        members=members,
        kind=kind,
        template=template,
        entries=tuple(entry for entry, _ in kept),
        files=tuple(name for _, name in kept),
    )


def safe_path(name: str, archive: Path) -> PurePosixPath:
    """A member's name as a path that stays inside.

    Raises:
        DataError: It is absolute, leads upwards, or holds a backslash or a control character.
    """
    if _UNSAFE.search(name) or ".." in name.split("/"):
        raise DataError(
            f"{archive} is refused: it holds the unsafe name {name[:80]!r}. Pack it again with plain names."
        )
    return PurePosixPath(name)


def _is_picture(path: PurePosixPath) -> bool:
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return not hidden and is_image_path(Path(path))


def _read_mark(members: Members, names: Sequence[str], wrapper: str | None, path: Path) -> dict[str, Any] | None:
    """What ``faces.json`` beside the folders of people says; None where there is none."""
    wanted = f"{wrapper}/{FACES_MARK}" if wrapper else FACES_MARK
    found = next((name for name in names if PurePosixPath(name).as_posix() == wanted), None)
    if found is None:
        return None
    try:
        data = next(content for _, content in members.read({found: 0}))
        if not isinstance(data, bytes) or len(data) > MAX_MARK_BYTES:
            raise ValueError("it cannot be read")
        mark = json.loads(data)
        if not isinstance(mark, dict):
            raise ValueError("it is no JSON object")
    except ValueError as error:
        raise DataError(f"{wanted} in {path} is no mark of prepared faces: {error}. Pack it again.") from error
    return mark
