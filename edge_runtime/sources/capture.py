"""What a live source reads from: a camera that was opened, whichever library opened it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from edge_runtime.images import Image


class Capture(Protocol):
    """An open camera or stream. It is used by one thread alone, and each call may block as long as it likes."""

    def grab(self) -> bool:
        """Take the next picture without decoding it; False when there is none any more."""
        ...

    def image(self) -> Image | None:
        """The picture that was grabbed, RGB uint8 of shape (height, width, 3); None if it cannot be decoded."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


# Opens it, or raises SourceError.
Opener: TypeAlias = Callable[[], Capture]
