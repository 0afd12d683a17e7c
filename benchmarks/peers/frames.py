"""The frames that every peer sees: pictures of people, each put into a grey camera frame of 640×480."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.towers.frames import HEIGHT, paste
from edge_runtime.errors import DataError
from edge_runtime.images import read_image
from edge_runtime.people import scan_people

# A person at the distance of an arm or two: the picture takes half of the frame's height.
PICTURE_PX = HEIGHT // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Pictures of people.

    Attributes:
        label: What the set is called in the result.
        paths: The pictures, person by person.
        whose: int64 of shape (n,): whose each is.
        each: Most pictures a person; 0 if all were taken.
    """

    label: str
    paths: tuple[Path, ...]
    whose: npt.NDArray[np.int64]
    each: int

    @property
    def count(self) -> int:
        """How many people."""
        return int(np.unique(self.whose).size)


def read_people(folder: Path, *, label: str, each: int = 0, most: int | None = None) -> People:
    """List a folder of one folder a person.

    Args:
        folder: The folder.
        label: What the result calls the set.
        each: The first so many pictures of each person; 0 for all.
        most: The first so many people.

    Raises:
        DataError: It is no such folder, or there are no pairs of one person and of two.
    """
    people = scan_people(folder)[:most]
    chosen = [person.pictures[: each or None] for person in people]
    if len(people) < 2 or max(map(len, chosen)) < 2:
        raise DataError(f"{folder}: two people are needed at least, one of them with two pictures.")
    return People(
        label=label,
        paths=tuple(path for pictures in chosen for path in pictures),
        whose=np.repeat(np.arange(len(people)), [len(pictures) for pictures in chosen]).astype(np.int64),
        each=each,
    )


def frames_bgr(people: People, *, seed: int = 0) -> Iterator[npt.NDArray[np.uint8]]:
    """A frame for each picture, uint8 of shape (480, 640, 3), BGR as cameras give it; the place is random.

    Raises:
        ImageError: A picture cannot be read.
    """
    rng = np.random.default_rng(seed)
    for path in people.paths:
        frame_rgb, _ = paste(read_image(path), PICTURE_PX, rng)
        yield np.ascontiguousarray(frame_rgb[..., ::-1])
