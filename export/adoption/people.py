"""Whom an adopted tower is measured on, and whom it is calibrated with: never the same people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_runtime.errors import DataError, UsageError
from edge_runtime.faces.align import AlignmentTemplate
from edge_runtime.people import natural_key
from edge_runtime.towers.preprocess import InputSpec
from export.conversion.recipes import Recipe
from export.gate.judge import check_pairs
from export.gate.study import COUNTS
from export.pictures.crops import CropReader, CropSet, PictureFile, list_files, load_crops
from export.pictures.evaluation import not_too_many, same_folder
from export.pictures.replay import read_representative_list
from export.pictures.representative import MIN_PEOPLE, choose_representative
from export.settings import Settings

# One person in so many sets the ranges, the others measure: thresholds need pairs, ranges need few pictures.
_ONE_IN = 3
_MOST_CALIBRATING = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Sets:
    """The pictures of an adoption.

    Attributes:
        evaluation: Whom it is measured on.
        representative: Whom its ranges are set with; without pictures where there are no ranges to set.
        studied: The larger set of a study, if there is one.
    """

    evaluation: CropSet
    representative: CropSet
    studied: CropSet | None = None


def divide_people(people: Sequence[str], *, seed: int) -> set[str]:
    """Choose who calibrates among people of one folder: one in three, at least two; all others measure.

    Raises:
        DataError: There are too few people for both.
    """
    if len(people) < MIN_PEOPLE + 2:
        raise DataError(
            f"the folder holds {len(people)} people; they are divided into some who calibrate and some who measure, so "
            f"at least {MIN_PEOPLE + 2} are needed. Give more people with --data DIR."
        )
    count = min(max(MIN_PEOPLE, round(len(people) / _ONE_IN)), _MOST_CALIBRATING)
    ordered = sorted(people, key=natural_key)
    return {ordered[i] for i in np.random.default_rng(seed).permutation(len(ordered))[:count]}


def choose_sets(
    settings: Settings, recipe: Recipe, spec: InputSpec, template: AlignmentTemplate, *, aligned: bool
) -> Sets:
    """Read the pictures that an adoption needs.

    Args:
        settings: Where they are: one folder, whose people are divided, or one for each purpose.
        recipe: It decides whether ranges have to be set.
        spec: What the tower takes in.
        template: Where landmarks lie in its crops.
        aligned: Whether the pictures are crops, aligned to the template already.

    Raises:
        CheckFailed: There are too few pairs to measure by.
        DataError: A folder cannot be used, or people are shared who must not be.
        UsageError: There is no folder to measure on, or the pairs are too few for the target FMR.
    """
    if settings.evaluate is None:
        raise UsageError("an adopted tower must be measured: give people with --data DIR (or --evaluate DIR).")
    files = list_files(settings.evaluate)
    among: list[PictureFile] | None = None
    calibrated = recipe.calibrated or settings.layers
    if calibrated and same_folder(settings.representative, settings.evaluate):
        who = divide_people(sorted({file.person for file in files}), seed=settings.seed)
        measured = {file.sha256 for file in files if file.person not in who} - {""}
        among = [file for file in files if file.person in who and file.sha256 not in measured]
        files = [file for file in files if file.person not in who]
    files = not_too_many(files, seed=settings.seed)
    reader = CropReader(settings.evaluate, size_px=spec.size_px, template=template, aligned=aligned)
    evaluation = load_crops(reader, files, what="evaluation")
    check_pairs(evaluation.labels, recipe.limits, target_fmr=settings.fmr)

    def choose(samples: int, replay: Sequence[str] = ()) -> CropSet:
        return choose_representative(
            settings.representative,
            spec,
            template,
            files,
            evaluated_where=str(settings.evaluate),
            among=among,
            aligned=aligned,
            replay=replay,
            samples=samples,
            seed=settings.seed,
        )

    if not calibrated:
        return Sets(evaluation=evaluation, representative=evaluation.take([]))
    replay = read_representative_list(settings.representative_list) if settings.representative_list else ()
    return Sets(
        evaluation=evaluation,
        representative=choose(settings.samples, replay),
        studied=None if settings.study is None else choose(max(COUNTS)),
    )
