"""Converting until the gate says yes: once, or with more and more layers left in float."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from export.conversion.convert import SavedTower, convert_saved, saved_tower
from export.conversion.layers import LayerError, layer_errors, named_layers
from export.conversion.recipes import Recipe, find_recipe
from export.conversion.sensitivity import rank_by_loss
from export.gate.judge import embed_exported, judge, refuse_degenerate
from export.gate.result import GateResult
from export.gate.study import COUNTS, StudyRow, study_counts, write_study
from export.pictures.crops import CropSet
from export.preflight.verdicts import refuse_unfit, target_of
from export.runtimes.runner import Runner
from export.settings import Settings
from export.sources.float_tower import FloatTower
from export.sources.keras_file import tower_values

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A conversion and what the gate says of it.

    Attributes:
        flatbuffer: The model.
        result: What the gate measured.
        kept: The layers that stayed float.
    """

    flatbuffer: bytes
    result: GateResult
    kept: tuple[LayerError, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """Who is told what is found on the way.

    Attributes:
        gate: Called with each gate's figures before they are acted on.
        layers: Called with the errors of all layers, the worst first, where they were measured.
        study: Called with the rows of a study and the files that were written of it.
    """

    gate: Callable[[GateResult], None] = lambda _: None
    layers: Callable[[Sequence[LayerError]], None] = lambda _: None
    study: Callable[[Sequence[StudyRow], Sequence[Path]], None] = lambda _, __: None


def find_conversion(
    tower: FloatTower,
    settings: Settings,
    *,
    representative: CropSet,
    evaluation: CropSet,
    runner: Runner,
    watcher: Watcher,
    studied: CropSet | None = None,
) -> Attempt:
    """Convert by the recipe and judge it; where int8 fails, find the layers at fault, and leave them float if asked to.

    Args:
        tower: The float tower.
        settings: The recipe, and what to do where it fails.
        representative: What sets the ranges.
        evaluation: What is judged on.
        runner: The interpreter that it is judged in.
        watcher: Is told of each result.
        studied: The larger set for a study of the number of representative pictures; None for no study.

    Returns:
        The first attempt that passed, or the last one.

    Raises:
        CheckFailed: An embedding is zero, not finite, or the same for every face; or a target cannot run the file.
        TowerError: TensorFlow cannot convert it.
        UsageError: A layer that shall stay float does not exist.
        WriteError: The folder for temporary files is full.
    """
    recipe, values = settings.chosen_recipe(), tower_values(representative.crops_rgb, tower.spec)
    before = tower.embed(evaluation.crops_rgb)
    refuse_degenerate(before, "float tower", "Train again: python -m train fit")

    def attempt(saved: SavedTower, recipe: Recipe, kept: Sequence[LayerError] = ()) -> Attempt:
        what = f"{recipe.name}, {len(kept)} layer{'s' * (len(kept) > 1)} in float" if kept else recipe.name
        _log.info("converting to %s …", what)
        flatbuffer = convert_saved(saved, recipe, values, keep_float=[layer.tensor for layer in kept])
        refuse_targets(flatbuffer, settings, runner)
        _log.info("comparing on %d pictures of %d people …", len(evaluation.files), len(evaluation.people))
        after = embed_exported(runner, flatbuffer, tower.spec, evaluation.crops_rgb)
        result = judge(before, after, evaluation.labels, recipe, target_fmr=settings.fmr)
        watcher.gate(result)
        return Attempt(flatbuffer=flatbuffer, result=result, kept=tuple(kept))

    with saved_tower(tower) as saved:
        if studied is not None and settings.study is not None:
            rows = _study(saved, recipe, before, settings, studied, evaluation, runner)
            watcher.study(rows, write_study(settings.study, rows, title=f"{recipe.name}: representative pictures"))
        first = None if recipe.selective else attempt(saved, recipe)
        failed = first is not None and not first.result.passed and recipe.activations == "int8"
        if first is not None and not failed and not settings.layers:
            return first
        _log.info("measuring the error of each layer …")
        errors = layer_errors(saved, values)
        watcher.layers(errors)
        if first is not None and not (failed and settings.or_selective):
            return first
        selective = find_recipe("int8-selective", limits=settings.limits)
        if not settings.keep_float and len(errors) > 1:
            _log.info("measuring what each layer costs alone: %d conversions …", len(errors))
            errors = rank_by_loss(saved, errors, representative.crops_rgb, tower)
            watcher.layers(errors)
        for kept in _choices(errors, settings.keep_float):
            last = attempt(saved, selective, kept)
            if last.result.passed:
                break
        return last


def refuse_targets(flatbuffer: bytes, settings: Settings, runner: Runner) -> None:
    """Refuse a file before anything is measured of it that an interpreter would refuse, or compute wrongly.

    Raises:
        CheckFailed: One of the targets, or the interpreter that is measured in, cannot run it.
    """
    here = target_of(runner.backend)
    measured_in = () if here is None else (here,)
    refuse_unfit(flatbuffer, (*dict.fromkeys((*settings.targets, *measured_in)),), run_in=measured_in)


def _study(
    saved: SavedTower,
    recipe: Recipe,
    before: npt.NDArray[np.float32],
    settings: Settings,
    studied: CropSet,
    evaluation: CropSet,
    runner: Runner,
) -> list[StudyRow]:
    rows = study_counts(
        saved,
        recipe,
        before,
        representative=studied,
        evaluation=evaluation,
        runner=runner,
        target_fmr=settings.fmr,
    )
    hidden = not sys.stderr.isatty()
    return list(tqdm(rows, desc="study", unit="conversion", total=len(COUNTS), disable=hidden, leave=False))


def _choices(errors: Sequence[LayerError], patterns: Sequence[str]) -> Iterator[list[LayerError]]:
    """Which layers to keep in float: the named ones, or the first one, two, four … up to half of them."""
    if patterns:
        yield named_layers(errors, patterns)
        return
    count = 1
    while count <= max(1, len(errors) // 2):
        yield list(errors[:count])
        count *= 2
