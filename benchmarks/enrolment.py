"""``python -m benchmarks.enrolment``: whom the checks of enrolment refuse, rightly and wrongly."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.demo.att import extract_att
from edge_runtime.commands.console import EXIT_OK, emit, run_command
from edge_runtime.decisions.verifier import fitting_finder
from edge_runtime.errors import EnrolmentRefused
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.fetch import install_detectors
from edge_runtime.gallery.enrol import EnrolmentPolicy, collect
from edge_runtime.gallery.enrol_checks import EnrolmentLimits, goodness, nearest_person, outliers, refuse_others
from edge_runtime.gallery.match import Enrolled
from edge_runtime.home import cache_folder
from edge_runtime.images import read_image
from edge_runtime.sources.camera import Frame
from edge_runtime.towers.tower import Tower

PEOPLE, ENROLLED, PICTURES = 40, 5, 10
Rows = npt.NDArray[np.float32]


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.enrolment",
        description="The AT&T people are enrolled one after the other with five pictures each, then once more, and "
        "added to, with the other five; and a stranger's picture is put among the five.",
    )
    parser.add_argument("--tower", type=Path, required=True, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print the result as JSON on standard output")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> int:
    tower, att = Tower.load(options.tower), extract_att(cache_folder() / "att")
    with tempfile.TemporaryDirectory() as folder:
        finder = fitting_finder(tower, models=install_detectors(folder=Path(folder))[0].parent)
    first = [_rows(tower, finder, att, person, range(1, ENROLLED + 1)) for person in range(1, PEOPLE + 1)]
    second = [_rows(tower, finder, att, person, range(ENROLLED + 1, PICTURES + 1)) for person in range(1, PEOPLE + 1)]
    result = {"tower": tower.card.name, "people": PEOPLE, **_enrolled(tower, first), **_again(tower, first, second)}
    if options.json:
        emit(result)
    else:
        print("\n".join(f"{name.replace('_', ' '):<44} {value}" for name, value in result.items()))
    return EXIT_OK


def _rows(tower: Tower, finder: FaceFinder, att: Path, person: int, numbers: range) -> Rows:
    """The embeddings of the usable ones of some pictures."""
    frames = [
        Frame(image_rgb=read_image(att / f"s{person}/{n}.pgm"), index=n, time_s=0.0, name=str(n), photo=True)
        for n in numbers
    ]
    found = collect(frames, finder, tower, EnrolmentPolicy())
    return np.stack([template.embedding for template in found.templates])


def _limits(tower: Tower, people: int) -> EnrolmentLimits:
    return EnrolmentLimits.of(tower.card, people=people, calibrated=tower.calibrated)


def _enrolled(tower: Tower, rows: list[Rows]) -> dict[str, Any]:
    """Everybody for the first time: whatever is refused is refused wrongly; and with a stranger among the samples."""
    duplicates, dropped, found, predicted = 0, 0, 0, []
    for at in range(PEOPLE):
        limits = _limits(tower, at)
        if at:
            _, similarity = nearest_person(rows[at], Enrolled.of({f"s{n}": rows[n] for n in range(at)}))
            duplicates += limits.duplicate is not None and similarity >= limits.duplicate
        dropped += len(_outliers(rows[at], limits))
        mixed = rows[at].copy()
        mixed[0] = rows[(at + 1) % PEOPLE][0]
        found += _outliers(mixed, limits) == [0]
        predicted.append(goodness(rows[at], None, limits).fnmr_samples)
    values = [value for value in predicted if value is not None]
    return {
        "samples_taken_for_outliers": f"{dropped} of {sum(map(len, rows))}",
        "strangers_among_samples_found": f"{found} of {PEOPLE}",
        "people_taken_for_duplicates": f"{duplicates} of {PEOPLE}",
        "fnmr_from_scatter_median": round(float(np.median(values)), 4) if values else None,
    }


def _outliers(rows: Rows, limits: EnrolmentLimits) -> list[int]:
    try:
        return outliers(rows, limits.least)
    except EnrolmentRefused:
        return list(range(len(rows)))


def _again(tower: Tower, first: list[Rows], second: list[Rows]) -> dict[str, Any]:
    """Everybody once more: as another person, and as more samples of themselves and of the next one."""
    limits = _limits(tower, PEOPLE)
    everybody = Enrolled.of({f"s{n}": rows for n, rows in enumerate(first)})
    noticed = own = foreign = missed = 0
    for at, rows in enumerate(second):
        name, similarity = nearest_person(rows, everybody)
        noticed += name == f"s{at}" and limits.duplicate is not None and similarity >= limits.duplicate
        own += _added(rows, first[at], limits)
        foreign += _added(rows, first[(at + 1) % PEOPLE], limits)
        cosines = (rows @ first[at].T).mean(axis=1)
        missed += int(np.count_nonzero(cosines < limits.same)) if limits.same is not None else 0
    return {
        "second_enrolments_noticed": f"{noticed} of {PEOPLE}",
        "updates_of_the_person_accepted": f"{own} of {PEOPLE}",
        "updates_of_another_accepted": f"{foreign} of {PEOPLE}",
        "fnmr_of_the_other_pictures": round(missed / sum(map(len, second)), 4),
        "fnmr_of_the_card": limits.fnmr,
    }


def _added(rows: Rows, person: Rows, limits: EnrolmentLimits) -> bool:
    try:
        refuse_others(rows, Enrolled.of({"them": person}), limits)
        return True
    except EnrolmentRefused:
        return False


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None))
