"""What every source of frames looks like, and what it gives: frames, or the news that there is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from edge_runtime.images import Image
from edge_runtime.sources.events import SourceEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One picture of a source.

    Attributes:
        image_rgb: uint8 of shape (height, width, 3).
        index: Its number in the source, from 0.
        time_s: Stream time: of a camera the monotonic clock since opening, of a video its own time, of pictures their
            number in seconds.
        name: What a message calls it.
        photo: Whether it is a photograph of its own, which may be cropped tight.
    """

    image_rgb: Image
    index: int
    time_s: float
    name: str
    photo: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """No frame, but time has passed.

    Attributes:
        time_s: Stream time, on the clock of :attr:`Frame.time_s`.
        event: What happened to the source; None if nothing did, and there is simply no frame yet.
    """

    time_s: float
    event: SourceEvent | None = None


Moment: TypeAlias = Frame | Wait


class FrameSource(Protocol):
    """Anything that yields frames and can be closed.

    Attributes:
        name: What a message calls it.
        live: Whether it goes on by itself (camera, stream) or waits to be read (files).
        pictures: Whether its frames are photographs of their own, not moments of one scene.
    """

    name: str
    live: bool
    pictures: bool

    def __iter__(self) -> Iterator[Frame]:
        """The frames, until the source ends or is closed."""
        ...

    def moments(self, tick_s: float = 0.25) -> Iterator[Moment]:
        """The frames; of a live source also that ``tick_s`` seconds passed without one, and what happened to it."""
        ...

    def close(self) -> None:
        """Let go of the camera or the file."""
        ...


def moments(frames: Iterable[Frame], *, tick_s: float = 0.25) -> Iterator[Moment]:
    """What a source gives, and when it gives nothing.

    Args:
        frames: A source, or any other frames; those that know no waiting give their frames only.
        tick_s: After how many seconds without a frame a live source says so.
    """
    waiting = getattr(frames, "moments", None)
    return iter(frames) if waiting is None else waiting(tick_s)
