"""A labelled folder of presentations: people under ``bona-fide``, attacks under the name of their kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.errors import DataError
from edge_runtime.images import is_image_path, read_image
from edge_runtime.liveness.rates import BONA_FIDE
from edge_runtime.people import natural_key
from edge_runtime.sources.frame import Frame
from edge_runtime.sources.video import VideoSource

_LAYOUT = "It needs bona-fide/ and a folder for each kind of attack, with videos or folders of pictures in them."


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """One video, or one folder with the pictures of one sequence.

    Attributes:
        kind: Kind of attack, or ``"bona-fide"``.
        path: The video or the folder.
    """

    kind: str
    path: Path

    @property
    def bona_fide(self) -> bool:
        """Whether it is a person."""
        return self.kind == BONA_FIDE

    def frames(self, rate: float) -> Iterator[Frame]:
        """Its frames.

        Args:
            rate: Frames a second of a sequence of pictures; a video has its own.

        Raises:
            SourceError: The video cannot be decoded.
            ImageError: A picture cannot be.
        """
        if not self.path.is_dir():
            source = VideoSource(self.path)
            try:
                yield from source
            finally:
                source.close()
            return
        for index, path in enumerate(_pictures(self.path)):
            yield Frame(image_rgb=read_image(path), index=index, time_s=index / rate, name=str(path))


def find_presentations(folder: Path) -> list[Presentation]:
    """The presentations of a labelled folder, by kind and name.

    Args:
        folder: Holds ``bona-fide`` and the kinds of attack.

    Raises:
        DataError: It is no such folder, or a kind of it holds nothing.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder. {_LAYOUT}")
    found = []
    for kind in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        items = sorted((p for p in kind.iterdir() if _is_presentation(p)), key=lambda p: natural_key(p.name))
        if not items:
            raise DataError(f"{kind} holds no video and no folder of pictures. {_LAYOUT}")
        found += [Presentation(kind=kind.name, path=path) for path in items]
    if not found:
        raise DataError(f"{folder} holds no presentations. {_LAYOUT}")
    return found


def _is_presentation(path: Path) -> bool:
    if path.name.startswith("."):
        return False
    if path.is_dir():
        return bool(_pictures(path))
    if is_image_path(path):
        raise DataError(f"{path} is a single picture; a presentation is a video or a folder of pictures. {_LAYOUT}")
    return True


def _pictures(folder: Path) -> list[Path]:
    return sorted((p for p in folder.iterdir() if is_image_path(p)), key=lambda p: natural_key(p.name))
