"""What the commands are shown: AT&T pictures pasted into grey frames of 640×480, in folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.towers.frames import paste
from edge_runtime.images import read_image, write_image

ENROLLED, SHOWN = 3, 5
_HEIGHT_PX = 224


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody's frames.

    Attributes:
        name: Who it is.
        enrol: Folder with the frames to enrol them with.
        show: Folder with the frames to verify them with.
    """

    name: str
    enrol: Path
    show: Path

    @property
    def frames(self) -> list[Path]:
        """All their frames, those of enrolment first."""
        return [*sorted(self.enrol.iterdir()), *sorted(self.show.iterdir())]


def make_people(att: Path, into: Path, count: int) -> list[Person]:
    """Paste pictures of the first people into frames, at places that a seed chooses.

    Args:
        att: The AT&T faces: ``s1/1.pgm`` and so on.
        into: Folder for the frames.
        count: How many people.
    """
    rng = np.random.default_rng(0)
    people = []
    for number in range(1, count + 1):
        name = f"s{number}"
        person = Person(name=name, enrol=into / name / "enrol", show=into / name / "show")
        for picture in range(1, ENROLLED + SHOWN + 1):
            folder = person.enrol if picture <= ENROLLED else person.show
            frame, _ = paste(read_image(att / name / f"{picture}.pgm"), _HEIGHT_PX, rng)
            write_image(folder / f"{picture:02d}.png", frame)
        people.append(person)
    return people
