"""How the embeddings of a tower are spread, measured on photographs; and people who do not exist, spread alike.

``python -m benchmarks.gallery.spread PEOPLE --out FILE`` embeds some pictures of each person and keeps three vectors:
the mean of all, the variances of the people's centres along the principal axes of those (the share of the spread within
people taken off), and the variances within people along the same axes. No face and no embedding can be had from them.
Axes do not matter to cosines, so embeddings are made up along them: a centre for each person, looks around it, both
normal, and the length taken to 1.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.gallery.samples import Rows
from edge_runtime.commands.console import EXIT_OK, run_command, say
from edge_runtime.errors import DataError, FaceError, ImageError, UsageError
from edge_runtime.files import read_json, write_json

MEASURED = Path(__file__).with_name("spread.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How embeddings of length 1 are spread.

    Attributes:
        tower: Of which tower.
        people: On how many people it was measured.
        pictures: On how many pictures of theirs.
        mean: The mean of all, along the axes below.
        between: Variances of the people's centres, along their principal axes.
        within: Variances of looks around their centre, along the same axes.
    """

    tower: str
    people: int
    pictures: int
    mean: list[float]
    between: list[float]
    within: list[float]

    def of_length(self, length: int) -> Spread:
        """The same along the first so many axes, along which people differ most.

        Raises:
            UsageError: It has fewer.
        """
        if not 2 <= length <= len(self.mean):
            raise UsageError(f"the spread was measured along {len(self.mean)} axes; 2 to that many can be had.")
        return replace(self, mean=self.mean[:length], between=self.between[:length], within=self.within[:length])


def measured_spread(tower: str, groups: list[npt.NDArray[np.float64]]) -> Spread:
    """The spread of some people's embeddings.

    Args:
        tower: Of which tower.
        groups: For each person float64 of shape (looks, d), two looks at least.
    """
    centres = np.stack([group.mean(axis=0) for group in groups])
    looks = np.concatenate([group - group.mean(axis=0) for group in groups])
    freedom = len(looks) - len(groups)
    within = looks.T @ looks / freedom
    share = np.mean([1 / len(group) for group in groups])
    variances, axes = np.linalg.eigh(np.cov(centres.T) - within * share)
    order = np.argsort(-variances)
    axes = axes[:, order]

    def rounded(values: npt.NDArray[np.float64]) -> list[float]:
        return [round(float(value), 7) for value in values]

    return Spread(
        tower=tower,
        people=len(groups),
        pictures=len(looks),
        mean=rounded(centres.mean(axis=0) @ axes),
        between=rounded(np.maximum(variances[order], 0)),
        within=rounded(np.einsum("ij,ik,kj->j", axes, within, axes)),
    )


def read_spread(path: Path = MEASURED) -> Spread:
    """What was measured before.

    Raises:
        DataError: It cannot be read.
    """
    return Spread(**read_json(path, what="the measured spread"))


def people_alike(spread: Spread, count: int, probes: int, *, seed: int = 0) -> tuple[Rows, npt.NDArray[np.intp], Rows]:
    """One look each of many people who do not exist, and another look of some of them.

    Args:
        spread: How they are spread.
        count: How many people.
        probes: How many other looks.
        seed: Of the random numbers.

    Returns:
        float32 of shape (count, d), rows of length 1; whose the other looks are; and those, of shape (probes, d).
    """
    rng = np.random.default_rng(seed)
    mean, between, within = (np.asarray(v, np.float32) for v in (spread.mean, spread.between, spread.within))
    both = np.maximum(between + within, 1e-12)
    rows = rng.standard_normal((count, len(mean)), dtype=np.float32)
    rows *= np.sqrt(both)
    chosen = rng.integers(0, count, probes)
    # Where the centre lies of whom one look is known, and then another look around it.
    centres = rows[chosen] * (between / both)
    spare = between * within / both + within
    seen = centres + rng.standard_normal(centres.shape, dtype=np.float32) * np.sqrt(spare)
    for values in (rows, seen):
        values += mean
        values /= np.sqrt(np.einsum("ij,ij->i", values, values))[:, None]
    return rows, chosen, seen.astype(np.float32)


def _measure(options: argparse.Namespace) -> int:
    from edge_runtime.faces.finder import FaceFinder
    from edge_runtime.images import read_image
    from edge_runtime.people import scan_people
    from edge_runtime.towers.shipped import find_tower
    from edge_runtime.towers.tower import Tower

    tower = Tower.load(find_tower(options.tower))
    finder = FaceFinder(size_px=tower.card.input.size_px, template=tower.card.template)
    groups: list[npt.NDArray[np.float64]] = []
    for person in scan_people(options.people)[: options.most]:
        rows = []
        for path in person.pictures[: options.looks]:
            try:
                rows.append(tower.embed_one(finder.find_one(read_image(path), name=path.name).crop_rgb))
            except (FaceError, ImageError):
                continue
        if len(rows) >= 2:
            groups.append(np.stack(rows).astype(np.float64))
    if len(groups) < 2:
        raise DataError(f"{options.people} holds fewer than two people with two faces each.")
    spread = measured_spread(tower.card.name, groups)
    write_json(options.out, asdict(spread))
    say(f"{spread.people} people, {spread.pictures} pictures: {options.out}")
    print(json.dumps({"people": spread.people, "pictures": spread.pictures, "out": str(options.out)}))
    return EXIT_OK


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gallery.spread", description="Measure a spread.")
    add: Any = parser.add_argument
    add("people", type=Path, help="a folder of photographs, one folder a person")
    add("--tower", help="which tower (default: the one that siamlite comes with)")
    add("--most", type=int, default=300, help="people at most (default: 300)")
    add("--looks", type=int, default=3, help="pictures of each at most (default: 3)")
    add("--out", type=Path, default=MEASURED, help="the file to write")
    add("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=_measure)
    return parser


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None))
