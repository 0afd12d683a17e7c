"""Thresholds for target false match rates, with what the data can say of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import CheckFailed, DataError, UsageError
from edge_runtime.measures.bootstrap import fmr_upper_bound
from edge_runtime.measures.grouped import GroupCounts
from edge_runtime.measures.metrics import OperatingPoint, PairCounts, count_pairs, pair_scores, point_at, threshold_for
from train.data.faces import FaceSet
from train.measure.crossfit import CrossFit, at_fmr, cross_fit, people_folds
from train.measure.data import Choice, read_measured, validation_overlap
from train.measure.towers import load_tower

_EXACT_PICTURES = 3000
# Few people: their pairs are many, but what they say of others is little.
_FEW_PEOPLE = 50
# Doddington et al. 2000, "The NIST speaker recognition evaluation": 30 errors for ± 30 % with 90 % confidence.
_RULE_OF_30 = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """One threshold.

    Attributes:
        point: The threshold, and its errors on the pairs that chose it.
        fmr_upper: One-sided 95 % upper bound of its FMR: the larger of Clopper and Pearson's, which takes pairs as
            independent, and that of a bootstrap over people.
        held_out: Errors of the same procedure on people who did not choose the threshold; None with under 6 people.
        warnings: What is weak about it, in sentences.
    """

    point: OperatingPoint
    fmr_upper: float
    held_out: CrossFit | None
    warnings: tuple[str, ...]

    def as_mapping(self) -> dict[str, Any]:
        """The values as JSON holds them; those of a card's thresholds have the same names."""
        held = self.held_out
        return {
            **asdict(self.point),
            "fmr_upper": self.fmr_upper,
            "held_out_fmr": None if held is None else held.fmr,
            "held_out_fnmr": None if held is None else held.fnmr,
            "folds": None if held is None else held.folds,
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """All thresholds of a tower on a set.

    Attributes:
        tower: The tower.
        data: The set.
        people: How many people.
        pictures: How many pictures.
        thresholds: One for each target.
        notes: What a reader must know, in sentences.
    """

    tower: str
    data: str
    people: int
    pictures: int
    thresholds: tuple[Calibrated, ...]
    notes: tuple[str, ...]

    def as_mapping(self) -> dict[str, Any]:
        """The values as JSON holds them."""
        return {
            "tower": self.tower,
            "data": self.data,
            "people": self.people,
            "pictures": self.pictures,
            "thresholds": [one.as_mapping() for one in self.thresholds],
            "notes": list(self.notes),
        }


def calibrate(
    tower_path: str | Path,
    data: str | Path,
    fmrs: Sequence[float],
    *,
    choice: Choice | None = None,
    run: str | Path | None = None,
    seed: int = 0,
) -> Calibration:
    """Choose thresholds for target FMRs.

    Args:
        tower_path: See :func:`train.measure.towers.load_tower`.
        data: A source of pictures of people whom the tower was not trained on.
        fmrs: The targets, each above 0 and below 1.
        choice: Which pictures.
        run: The run that a ``.tflite`` file comes from.
        seed: Of the folds and resamples.

    Raises:
        CheckFailed: The data has too few impostor pairs for a target.
        UsageError: A target is none, or the tower was trained on one of the people.
        DataError: The data cannot be used.
        TowerError: The tower must not be used.
    """
    for fmr in fmrs:
        if not 0 < fmr < 1:
            raise UsageError(f"a target FMR lies between 0 and 1, not {fmr}.")
    tower = load_tower(tower_path, run=run)
    measured = read_measured(data, tower, choice or Choice())
    faces = measured.faces
    check_enough(faces, min(fmrs))
    embeddings = tower.embed(faces.pixels)
    notes = list(measured.notes)
    overlap = validation_overlap(tower, faces)
    if tower.training is None:
        notes.append("Who the tower was trained on is not known, so it was not checked: give --run RUN.")
    elif overlap:
        notes.append(
            f"{overlap} of the {len(faces.labels)} pictures are the run's validation pictures, which picked its best "
            "epoch: the rates are a little too good. Calibrate on people kept out: --part test, or other data."
        )
    elif tower.training.split.validation:
        notes.append("None of the run's validation people, who picked its best epoch, is among the data.")
    return Calibration(
        tower=tower.name,
        data=str(data),
        people=len(faces.people),
        pictures=len(faces.labels),
        thresholds=tuple(choose_thresholds(embeddings, faces.labels, sorted(set(fmrs), reverse=True), seed=seed)),
        notes=tuple(notes),
    )


def check_enough(faces: FaceSet, fmr: float) -> None:
    """Refuse a target that the impostor pairs cannot resolve.

    Raises:
        CheckFailed: There are fewer than ``1 / fmr``.
        DataError: Nobody has two pictures, so that nothing can be said of the FNMR.
    """
    counts = np.bincount(faces.labels)
    impostors = int((counts.sum() ** 2 - (counts**2).sum()) // 2)
    if counts.max() < 2:
        raise DataError("nobody in the data has two pictures, so no FNMR can be measured. Add pictures of the people.")
    # A little slack: 1 / 1e-3 pairs are enough for 1e-3, whatever the rounding.
    if impostors * fmr < 1 - 1e-9:
        each = max(1, round(float(counts.mean())))
        needed = math.ceil(1 / fmr)
        raise CheckFailed(
            f"an FMR of {fmr:g} needs {needed} impostor pairs at least, and {needed * _RULE_OF_30} to be known within "
            f"a third; the {len(faces.people)} people with {len(faces.labels)} pictures give {impostors}. With {each} "
            f"pictures each that takes {people_needed(needed, each)} and {people_needed(needed * _RULE_OF_30, each)} "
            "people. Add people, or ask for a higher --fmr"
        )


def people_needed(pairs: int, each: int) -> int:
    """People with so many pictures each who give that many impostor pairs: n(n - 1) / 2 · each² of them."""
    people = math.ceil((1 + math.sqrt(1 + 8 * pairs / each**2)) / 2)
    return people if people * (people - 1) // 2 * each**2 >= pairs else people + 1


def choose_thresholds(
    embeddings: npt.NDArray[np.floating], labels: npt.NDArray[np.int64], fmrs: Sequence[float], *, seed: int = 0
) -> list[Calibrated]:
    """A threshold for each target FMR, with bounds and the estimate from people who did not choose it."""
    counts = count_pairs(embeddings, labels)
    scores = pair_scores(embeddings, labels) if len(labels) <= _EXACT_PICTURES else counts
    folds = people_folds(embeddings, labels, counts, seed=seed)
    people = int(np.unique(labels).size)
    found = []
    for fmr in fmrs:
        point = point_at(scores, threshold_for(scores, fmr), target_fmr=fmr)
        of_people = fmr_upper_bound(embeddings, labels, point.threshold, seed=seed)
        held_out = None if folds is None else cross_fit(folds, at_fmr(fmr))
        found.append(
            Calibrated(
                point=point,
                fmr_upper=max(point.fmr_upper, of_people or 0.0),
                held_out=held_out,
                warnings=tuple(_warnings(point, counts, folds, people)),
            )
        )
    return found


def _warnings(point: OperatingPoint, counts: PairCounts, folds: GroupCounts | None, people: int) -> list[str]:
    warnings = []
    if point.false_matches < _RULE_OF_30:
        warnings.append(
            f"FMR {point.target_fmr:g}: {point.false_matches} false matches stand behind it; under 30 the rate is "
            "known poorly (rule of 30)."
        )
    if people < _FEW_PEOPLE:
        warnings.append(
            f"FMR {point.target_fmr:g}: the {counts.impostor_pairs} impostor pairs come from {people} people, which is "
            f"few; {_FEW_PEOPLE} and more are wanted."
        )
    if folds is None:
        warnings.append(f"FMR {point.target_fmr:g}: too few people to estimate it on people who did not choose it.")
    return warnings
