"""The representative set: the pictures whose activations set the ranges of an int8 tower."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError
from edge_runtime.faces.align import AlignmentTemplate
from edge_runtime.people import natural_key
from edge_runtime.towers.preprocess import InputSpec
from export.pictures.crops import CropReader, CropSet, PictureFile, interleave, list_files, load_crops, name_some
from export.pictures.evaluation import refuse_overlap, same_folder
from export.sources.run import Run

_log = logging.getLogger(__name__)

DEFAULT_SAMPLES = 300
MIN_PICTURES = 10
MIN_PEOPLE = 2
# So many times more pictures are looked at than are taken, to choose dark and bright ones among.
_POOL = 3
_BANDS = 5


def choose_representative(
    folder: Path,
    spec: InputSpec,
    template: AlignmentTemplate,
    evaluation: Sequence[PictureFile],
    *,
    evaluated_where: str,
    run: Run | None = None,
    among: Sequence[PictureFile] | None = None,
    aligned: bool = False,
    replay: Sequence[str] = (),
    samples: int = DEFAULT_SAMPLES,
    seed: int = 0,
) -> CropSet:
    """Choose the representative set: seeded, spread evenly over people and brightness, of nobody who is evaluated on.

    Args:
        folder: Prepared faces or plain photographs, one folder a person.
        spec: What the tower takes in.
        template: Where landmarks lie in its crops.
        evaluation: The pictures that the gate will use.
        evaluated_where: What a message calls them.
        run: The training run, if there is one. In its own data folder the people whom it held back are left out.
        among: The pictures in the folder to choose among; all if None.
        aligned: Whether the pictures are aligned crops (see :class:`export.pictures.crops.CropReader`).
        replay: SHA-256 of the pictures of an earlier set, in their order, to take again in place of choosing.
        samples: How many pictures to take; all, if there are fewer.
        seed: Chooses them.

    Returns:
        The crops, in the order to calibrate with: each beginning of it is as evenly spread as can be.

    Raises:
        DataError: The set shares people or pictures with the evaluation, it holds fewer than 2 people or fewer than 10
            usable pictures, or pictures of the earlier set are not there.
    """
    files = list_files(folder) if among is None else [*among]
    if run is not None and same_folder(folder, run.data):
        files = _without_held_back(files, run)
    if replay:
        files = _replayed(files, replay, folder)
    refuse_overlap(files, evaluation, where=evaluated_where)
    reader = CropReader(folder, size_px=spec.size_px, template=template, aligned=aligned)
    if replay:
        chosen = load_crops(reader, files, what="representative set")
        if len(chosen.files) < len(files):
            raise DataError(
                f"{len(files) - len(chosen.files)} pictures of the list cannot be used any more, first "
                f"{chosen.skipped[0][0]}: {chosen.skipped[0][1]}. Choose anew: leave out --representative-list."
            )
    else:
        pool = load_crops(reader, interleave(files, seed=seed), limit=_POOL * samples, what="representative set")
        chosen = pool.take(spread_evenly(pool, samples))
    if len(chosen.files) < MIN_PICTURES or len(chosen.people) < MIN_PEOPLE:
        raise DataError(
            f"the representative set in {folder} has {len(chosen.files)} usable pictures of {len(chosen.people)} "
            f"people ({len(chosen.skipped)} skipped); at least {MIN_PICTURES} of {MIN_PEOPLE} people are needed. "
            "Give a larger folder with --representative DIR."
        )
    _log.info("representative set: %d pictures of %d people", len(chosen.files), len(chosen.people))
    return chosen


def spread_evenly(pool: CropSet, samples: int) -> list[int]:
    """Which crops to take, in order: of those taken least so far first a person, then a band of brightness.

    Args:
        pool: Crops in a random order; ties go to the first.
        samples: How many to take; all, if there are fewer.

    Returns:
        Positions in the pool.
    """
    count = min(samples, len(pool.files))
    if not count:
        return []
    people, bands = pool.labels, _bands(pool.crops_rgb)
    of_person, of_band = np.zeros(people.max() + 1, dtype=np.int64), np.zeros(_BANDS, dtype=np.int64)
    waiting = np.ones(len(people), dtype=bool)
    chosen: list[int] = []
    for _ in range(count):
        turn = of_person[people] * (count + 1) + of_band[bands]
        position = int(np.argmin(np.where(waiting, turn, np.iinfo(np.int64).max)))
        waiting[position] = False
        of_person[people[position]] += 1
        of_band[bands[position]] += 1
        chosen.append(position)
    return chosen


def _bands(crops_rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """The band of brightness of each crop, 0 to 4, of equal width from the darkest to the brightest."""
    brightness = np.array([cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).mean() for crop in crops_rgb])
    edges = np.linspace(brightness.min(), brightness.max(), _BANDS + 1)[1:-1]
    return np.digitize(brightness, edges).astype(np.int64)


def _replayed(files: Sequence[PictureFile], hashes: Sequence[str], folder: Path) -> list[PictureFile]:
    """The pictures of an earlier set in their order, wherever in the folder they lie now."""
    held = {file.sha256: file for file in reversed(files)}
    missing = sum(digest not in held for digest in hashes)
    if missing:
        raise DataError(
            f"{missing} of the {len(hashes)} pictures of the list are not in {folder} (or their people are held back "
            "to evaluate on). Give the folder that the list was made from with --representative DIR."
        )
    return [held[digest] for digest in hashes]


def _without_held_back(files: Sequence[PictureFile], run: Run) -> list[PictureFile]:
    held_out = sorted({file.person for file in files} & {*run.validation, *run.test}, key=natural_key)
    if held_out:
        _log.info("representative set: left out the people whom this run held back (%s)", name_some(held_out))
    return [file for file in files if file.person not in set(held_out)]
