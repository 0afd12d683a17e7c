"""Whose picture a file is, told from its path: folders of people, and Omniglot's alphabets and characters."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import PurePath

from edge_runtime.errors import DataError
from edge_runtime.people import FACES_MARK, natural_key
from train.data.sources.source import Entry

_OMNIGLOT_HALVES = {"images_background": "train", "images_evaluation": "test"}


def wrapper_of(paths: Sequence[PurePath], names: Collection[str] = ()) -> str | None:
    """The one folder that everything is packed in, if there is one and folders of people are inside it.

    Args:
        paths: The pictures.
        names: All files: the mark of prepared faces says which folder holds the people, even if pictures lie beside
            them, as the contact sheets do.
    """
    tops = {path.parts[0] for path in paths}
    if len(tops) != 1:
        return None
    top = tops.pop()
    return top if f"{top}/{FACES_MARK}" in names or all(len(path.parts) > 2 for path in paths) else None


def people_entries(paths: Sequence[PurePath]) -> list[Entry | None]:
    """One folder a person, pictures at any depth below it; None for a picture that lies in no folder."""
    return [
        Entry(person=path.parts[0], name=path.as_posix()) if len(path.parts) > 1 else None for path in paths
    ]  # fmt: skip


def omniglot_entries(paths: Sequence[PurePath], where: str) -> list[Entry]:
    """The two innermost folders, ``alphabet/character``, are the person (Lake et al. 2015, Science 350(6266)).

    Folders around them do not count, but for Omniglot's own halves: ``images_background`` is the training half,
    ``images_evaluation`` the test half.

    Raises:
        DataError: A picture does not lie in two folders.
    """
    entries = []
    for path in paths:
        if len(path.parts) < 3:
            raise DataError(f"{path.as_posix()} in {where} lies in no alphabet/character folder, as Omniglot's must.")
        halves = [_OMNIGLOT_HALVES[part] for part in path.parts[:-3] if part in _OMNIGLOT_HALVES]
        half = halves[-1] if halves else None
        entries.append(Entry(person="/".join(path.parts[-3:-1]), name="/".join(path.parts[-3:]), half=half))
    return entries


def natural_order(paths: Sequence[PurePath]) -> list[int]:
    """Positions of the paths in natural order."""
    return sorted(range(len(paths)), key=lambda position: natural_key(paths[position].as_posix()))
