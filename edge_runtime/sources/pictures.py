"""Pictures as a source: one, those of a folder, or those that a glob names."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path

from edge_runtime.errors import ImageError, SourceError, UsageError
from edge_runtime.images import is_image_path, read_image
from edge_runtime.people import natural_key
from edge_runtime.sources.frame import Frame, Moment
from edge_runtime.sources.options import SourceOptions


class PictureSource:
    """Pictures in natural order of their names. Those that cannot be decoded are counted, not shown.

    Attributes:
        unreadable: Messages of the pictures that could not be decoded, so far.
    """

    live = False
    pictures = True

    def __init__(self, path: str | Path, options: SourceOptions | None = None) -> None:
        """Find the pictures.

        Args:
            path: A picture, a folder (at any depth), or a glob (``door/*.jpg``, ``door/**/*.png``).
            options: What the frames should be like.

        Raises:
            SourceError: There is none.
            UsageError: A rate is asked for: photographs have none.
        """
        self.name = str(path)
        self._options = options or SourceOptions()
        if self._options.frames_per_s is not None:
            raise UsageError(f"{path} holds pictures, which have no rate. Leave out --rate.")
        self._paths = find_pictures(path)
        self.unreadable: list[str] = []

    def __iter__(self) -> Iterator[Frame]:
        """The pictures that can be decoded.

        Raises:
            SourceError: None can.
        """
        self.unreadable.clear()
        shown = 0
        for index, path in enumerate(self._paths):
            try:
                image = self._options.apply(read_image(path))
            except ImageError as error:
                self.unreadable.append(str(error))
                continue
            shown += 1
            yield Frame(image_rgb=image, index=index, time_s=float(index), name=str(path), photo=True)
        if not shown:
            more = f" ({len(self.unreadable) - 1} more like it)" if len(self.unreadable) > 1 else ""
            raise SourceError(f"no picture of {self.name} can be used: {self.unreadable[0]}{more}")

    def moments(self, tick_s: float = 0.25) -> Iterator[Moment]:
        """The pictures: nothing has to be waited for."""
        return iter(self)

    def close(self) -> None:
        """Nothing is held open."""


def find_pictures(path: str | Path) -> list[Path]:
    """The pictures that a path means, in natural order.

    Args:
        path: A picture, a folder, or a glob.

    Raises:
        SourceError: There is none.
    """
    place = Path(path)
    if place.is_file():
        return [place]
    among = place.rglob("*") if place.is_dir() else map(Path, glob.glob(str(path), recursive=True))
    found = sorted((p for p in among if p.is_file() and is_image_path(p)), key=lambda p: natural_key(str(p)))
    if not found:
        remedy = "Give a folder that holds pictures." if place.is_dir() else "Give a glob that matches some, in quotes."
        raise SourceError(f"there are no pictures in {path}. {remedy}")
    return found
