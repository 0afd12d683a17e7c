"""The representative set: the pictures whose activations set the ranges of an int8 tower."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from edge_runtime.errors import DataError
from edge_runtime.people import natural_key
from export.pictures.crops import CropReader, CropSet, PictureFile, interleave, list_files, load_crops, name_some
from export.pictures.evaluation import refuse_overlap, same_folder
from export.sources.run import Run

_log = logging.getLogger(__name__)

DEFAULT_SAMPLES = 300
MIN_PICTURES = 10
MIN_PEOPLE = 2


def choose_representative(
    folder: Path,
    run: Run,
    evaluation: Sequence[PictureFile],
    *,
    evaluated_where: str,
    samples: int = DEFAULT_SAMPLES,
    seed: int = 0,
) -> CropSet:
    """Choose the representative set: seeded, spread evenly over the people, of nobody who is evaluated on.

    Args:
        folder: Prepared faces or plain photographs, one folder a person.
        run: The training run. In its own data folder the validation people are left out.
        evaluation: The pictures that the gate will use.
        evaluated_where: What a message calls them.
        samples: How many pictures to take; all, if there are fewer.
        seed: Chooses them.

    Returns:
        The crops, in the order to calibrate with.

    Raises:
        DataError: The set shares people or pictures with the evaluation, or it holds fewer than 2 people or fewer
            than 10 usable pictures.
    """
    files = list_files(folder)
    if same_folder(folder, run.data):
        files = _without_validation(files, run)
    refuse_overlap(files, evaluation, where=evaluated_where)
    reader = CropReader(folder, size_px=run.spec.size_px, template=run.template)
    chosen = load_crops(reader, interleave(files, seed=seed), limit=samples, what="representative set")
    if len(chosen.files) < MIN_PICTURES or len(chosen.people) < MIN_PEOPLE:
        raise DataError(
            f"the representative set in {folder} has {len(chosen.files)} usable pictures of {len(chosen.people)} "
            f"people ({len(chosen.skipped)} skipped); at least {MIN_PICTURES} of {MIN_PEOPLE} people are needed. "
            "Give a larger folder with --representative DIR."
        )
    _log.info("representative set: %d pictures of %d people", len(chosen.files), len(chosen.people))
    return chosen


def _without_validation(files: Sequence[PictureFile], run: Run) -> list[PictureFile]:
    held_out = sorted({file.person for file in files} & {*run.validation, *run.test}, key=natural_key)
    if held_out:
        _log.info("representative set: left out the people whom this run held back (%s)", name_some(held_out))
    return [file for file in files if file.person not in set(held_out)]
