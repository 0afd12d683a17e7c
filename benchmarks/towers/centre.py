"""``python -m benchmarks.towers.centre``: what taking off a share of the mean does to dlib's descriptors.

The table behind ``import-dlib --centre`` (docs/towers.md): the same pairs by Euclidean distance, and by cosine from
nearer and nearer to the mean descriptor.
"""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.parts import load_later
from edge_runtime.commands.console import EXIT_OK, emit, run_command, table
from edge_runtime.errors import DataError, UsageError

Rows = npt.NDArray[np.float32]
_LENGTH = 128


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.towers.centre",
        description="EER and TAR of dlib's descriptors by Euclidean distance, and by cosine with shares of the mean "
        "descriptor taken off.",
    )
    parser.add_argument(
        "descriptors", type=Path, metavar="FILE", help=".npz with path (…/PERSON/PICTURE) and descriptor"
    )
    parser.add_argument("--within", default="", metavar="FOLDER", help="only paths that begin with this folder")
    parser.add_argument("--without", type=Path, metavar="LIST", help="text file of people to leave out, one a line")
    parser.add_argument("--among", type=Path, metavar="LIST", help="text file of the only people to take, one a line")
    parser.add_argument("--at-least", type=int, default=2, metavar="N", help="pictures that a person must have (2)")
    parser.add_argument("--people", type=int, metavar="N", help="so many of them, drawn by the seed (all)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="draws the people (0)")
    parser.add_argument(
        "--share", type=float, action="append", metavar="X", help="share of the mean, 0 to 1; may be repeated"
    )
    parser.add_argument("--json", action="store_true", help="the table as one line of JSON")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=load_later("benchmarks.towers", "centre"))
    return parser


def main(arguments: argparse.Namespace) -> int:
    """Print the table; returns the exit code."""
    from train.dlib_files.port import mean_descriptor

    shares = (0.0, 0.4, 0.7, 1.0) if arguments.share is None else tuple(arguments.share)
    if not all(0 <= share <= 1 for share in shares):
        raise UsageError(f"--share takes a number from 0 to 1, not {', '.join(f'{share:g}' for share in shares)}.")
    without, among = _read_names(arguments.without), _read_names(arguments.among)
    rows, people = read_people(arguments.descriptors, within=arguments.within, without=without, among=among)
    chosen = choose(people, at_least=arguments.at_least, most=arguments.people, seed=arguments.seed)
    labels = np.unique(people[chosen], return_inverse=True)[1]
    measured = compare(rows[chosen], labels, mean_descriptor(), shares)
    if arguments.json:
        emit({"people": int(labels.max()) + 1, "pictures": int(chosen.size), "rows": measured})
        return EXIT_OK
    print(f"{chosen.size:,} pictures of {labels.max() + 1:,} people\n")
    print(table([["", *_heading(measured)], *([row["by"], *_cells(row)] for row in measured)]))
    return EXIT_OK


def read_people(
    path: Path, *, within: str, without: frozenset[str] | None, among: frozenset[str] | None
) -> tuple[Rows, npt.NDArray[np.str_]]:
    """Dlib's descriptors of people's pictures.

    Args:
        path: An ``.npz`` of ``path`` (texts that end in PERSON/PICTURE) and ``descriptor`` (numbers of shape (n, 128)).
        within: Only paths that begin with this folder; empty for all.
        without: Names of people to leave out; None for none.
        among: Names of the only people to take; None for all.

    Returns:
        float32 of shape (m, 128), and whose each is: texts of shape (m,).

    Raises:
        DataError: It cannot be read, holds something else, or nothing is left.
    """
    try:
        with open(path, "rb") as stream, np.load(stream) as file:
            names, values = file["path"], file["descriptor"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"cannot read the descriptors {path} ({error}): an .npz of path and descriptor is needed."
        ) from error
    if names.ndim != 1 or names.dtype.kind != "U" or values.shape != (len(names), _LENGTH) or values.dtype.kind != "f":
        raise DataError(
            f"{path}: path must be n texts and descriptor (n, {_LENGTH}) numbers, not {names.shape}, {values.shape}."
        )
    folder = PurePosixPath(within)
    places = [PurePosixPath(str(name)) for name in names]
    kept = [
        at
        for at, place in enumerate(places)
        if len(place.parts) > 1
        and place.is_relative_to(folder)
        and place.parent.name not in (without or ())
        and (among is None or place.parent.name in among)
    ]
    if not kept or not np.isfinite(values[kept]).all():
        raise DataError(f"{path} holds no finite descriptors of PERSON/PICTURE{f' within {within}' if within else ''}.")
    return values[kept].astype(np.float32), np.array([places[at].parent.name for at in kept])


def choose(people: npt.NDArray[np.str_], *, at_least: int, most: int | None, seed: int) -> npt.NDArray[np.intp]:
    """The pictures of some people who have enough of them, in order.

    Args:
        people: Whose each picture is.
        at_least: Pictures that a person must have.
        most: How many people; all if None.
        seed: Draws them.

    Raises:
        UsageError: There are not so many.
    """
    names, counts = np.unique(people, return_counts=True)
    enough = names[counts >= at_least]
    wanted = len(enough) if most is None else most
    if not 2 <= wanted <= len(enough):
        raise UsageError(f"--people takes 2 to {len(enough)}, those with {at_least} pictures or more, not {wanted}.")
    drawn = np.random.default_rng(seed).choice(enough, wanted, replace=False)
    return np.flatnonzero(np.isin(people, drawn))


def compare(
    rows: Rows, labels: npt.NDArray[np.integer], mean: npt.NDArray[np.float64], shares: tuple[float, ...]
) -> list[dict[str, Any]]:
    """All pairs by Euclidean distance, then by cosine with each share of the mean taken off.

    Args:
        rows: Descriptors of shape (n, 128).
        labels: Whose each is.
        mean: The mean descriptor, of shape (128,).
        shares: The shares.
    """
    from benchmarks.towers.figures import FARS, on_a_sphere
    from edge_runtime.measures.metrics import count_pairs
    from train.measure.verify import summarise

    ways: dict[str, npt.NDArray[np.floating]] = {"Euclidean distance": on_a_sphere(rows)}
    ways |= {f"cosine, share {share:g}": rows - share * mean for share in shares}
    return [{"by": by, **summarise(count_pairs(held, labels), labels, FARS).as_mapping()} for by, held in ways.items()]


def _read_names(path: Path | None) -> frozenset[str] | None:
    if path is None:
        return None
    try:
        return frozenset(path.read_text(encoding="utf-8").split())
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read the list of people {path}: {error}.") from error


def _heading(measured: list[dict[str, Any]]) -> list[str]:
    return ["EER", *(f"TAR at FAR {far}" for far in measured[0]["tar_at_far"])]


def _cells(row: dict[str, Any]) -> list[str]:
    tars = ("–" if tar is None else f"{tar:.3f}" for tar in row["tar_at_far"].values())
    return [f"{100 * row['eer']:.2f} %", *tars]


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None))
