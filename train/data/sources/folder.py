"""A folder with one folder of pictures for each person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.errors import ImageError
from edge_runtime.faces.align import AlignmentTemplate
from edge_runtime.people import read_faces_mark, scan_people
from train.data.sources.mark import marked_template
from train.data.sources.source import Content, Entry, Kind, check_entries, fingerprint_of


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSource:
    """Picture files of a folder (see :class:`train.data.sources.source.PictureSource`).

    Attributes:
        root: The folder.
        kind: Whether they are faces.
        template: How they are aligned.
        entries: All pictures.
        paths: The file of each of them.
    """

    root: Path
    kind: Kind
    template: AlignmentTemplate | None
    entries: Sequence[Entry]
    paths: Sequence[Path]

    @property
    def where(self) -> str:
        """The folder."""
        return str(self.root)

    def fingerprint(self) -> str:
        """Changes with the place, and with the name, size or time of any file."""
        return fingerprint_of(str(self.root.resolve()), (_stamp(path) for path in self.paths))

    def read(self) -> Iterator[tuple[int, Content]]:
        """The bytes of each file."""
        for position, path in enumerate(self.paths):
            try:
                yield position, path.read_bytes()
            except OSError as error:
                yield position, ImageError(f"cannot read the picture {path}: {error.strerror or error}.")


def _stamp(path: Path) -> str:
    try:
        state = path.stat()
    except OSError:
        return f"{path}\0gone"
    return f"{path}\0{state.st_size}\0{state.st_mtime_ns}"


def open_folder(root: Path) -> FolderSource:
    """List a folder of identities.

    Args:
        root: It holds one folder a person; pictures may lie at any depth below that, hidden ones are left out.

    Raises:
        DataError: There is no such folder, it holds no pictures, or its mark is damaged.
    """
    mark = read_faces_mark(root)
    entries, paths = [], []
    for person in scan_people(root):
        for path in person.pictures:
            entries.append(Entry(person=person.name, name=path.relative_to(root).as_posix()))
            paths.append(path)
    check_entries(entries, str(root))
    return FolderSource(
        root=root,
        kind="unmarked" if mark is None else "faces",
        template=marked_template(mark, str(root)),
        entries=tuple(entries),
        paths=tuple(paths),
    )
