"""Omniglot: ``alphabet/character/*.png``; the user says ``omniglot:DIR``, for nested folders can be people too."""

from __future__ import annotations

from pathlib import Path

from edge_runtime.errors import DataError
from edge_runtime.people import pictures_below
from train.data.sources.archive import is_archive, open_archive
from train.data.sources.folder import FolderSource
from train.data.sources.layout import omniglot_entries
from train.data.sources.source import PictureSource, check_entries

PREFIX = "omniglot:"


def open_omniglot(place: Path) -> PictureSource:
    """List a folder or archive laid out like Omniglot.

    Raises:
        DataError: It is neither, holds no pictures, or a picture lies elsewhere.
    """
    if is_archive(place):
        return open_archive(place, omniglot=True)
    if not place.is_dir():
        raise DataError(f"{place} is no folder and no archive. Give {PREFIX}DIR with alphabet/character/*.png inside.")
    paths = pictures_below(place)
    entries = omniglot_entries([path.relative_to(place) for path in paths], str(place))
    check_entries(entries, str(place))
    return FolderSource(root=place, kind="pictures", template=None, entries=tuple(entries), paths=tuple(paths))
