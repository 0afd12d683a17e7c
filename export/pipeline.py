"""The whole export, step by step: what the command line runs, for Python programs as well."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.errors import CheckFailed, UsageError
from edge_runtime.files import refuse_overwrite
from edge_runtime.metrics import OperatingPoint
from edge_runtime.tower import Embedder, Tower
from export.conversion.convert import convert_tower
from export.conversion.recipes import DEFAULT_RECIPE, find_recipe
from export.delivery.bundle import assemble, refuse_unwritable, write_proven
from export.gate.judge import GateResult, check_pairs, embed_exported, judge
from export.pictures.crops import CropReader, CropSet, load_crops
from export.pictures.evaluation import evaluation_files, evaluation_folder
from export.pictures.representative import DEFAULT_SAMPLES, MIN_PICTURES, choose_representative
from export.sources.float_tower import KerasTower
from export.sources.keras_file import embed_float, load_keras_tower, tower_values
from export.sources.run import Run, read_run

_log = logging.getLogger(__name__)

DEFAULT_FMR = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What to export, and how.

    Attributes:
        run: Folder of a training run.
        representative: Folder of people to set the int8 ranges with.
        out: The tower file to write.
        recipe: Name of a recipe.
        evaluate: Folder of people to evaluate on; the run's validation people if None.
        samples: Size of the representative set.
        fmr: Target FMR of the default threshold.
        name: What people shall call the tower; the training recipe's name if None.
        licence: Licence of the weights.
        seed: Chooses the representative set.
        force: Whether an existing file may be replaced.
    """

    run: Path
    representative: Path
    out: Path
    recipe: str = DEFAULT_RECIPE
    evaluate: Path | None = None
    samples: int = DEFAULT_SAMPLES
    fmr: float = DEFAULT_FMR
    name: str | None = None
    licence: str = "not stated"
    seed: int = 0
    force: bool = False

    def __post_init__(self) -> None:
        """Refuse options that cannot work."""
        find_recipe(self.recipe)
        if self.samples < MIN_PICTURES:
            raise UsageError(f"--samples must be at least {MIN_PICTURES}, not {self.samples}; 300 are usual.")
        if not 0 < self.fmr < 1:
            raise UsageError(f"--fmr is a rate between 0 and 1, such as 0.01, not {self.fmr:g}.")
        if self.seed < 0:
            raise UsageError(f"--seed must not be negative, but is {self.seed}.")
        if self.name is not None and not self.name.strip():
            raise UsageError("--name is empty. Leave it out, or give the tower a name.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A tower that was written.

    Attributes:
        tower: It, loaded from its file.
        result: What the gate measured.
        size_bytes: Size of the whole file.
    """

    tower: Tower
    result: GateResult
    size_bytes: int

    @property
    def thresholds(self) -> tuple[OperatingPoint, ...]:
        """Its operating points."""
        return self.tower.card.thresholds


def export_tower(options: ExportOptions, *, on_gate: Callable[[GateResult], None] | None = None) -> Exported:
    """Convert a trained tower, prove it, and write it.

    Args:
        options: What to export, and how.
        on_gate: Called with the gate's figures before they are acted on.

    Returns:
        The written tower.

    Raises:
        CheckFailed: The gate says no; nothing was written.
        DataError: The run or a folder of pictures cannot be used, or people are shared who must not be.
        TowerError: The Keras file cannot be trusted or converted.
        UsageError: The target exists, or the pairs are too few for the target FMR.
        WriteError: The file cannot be written.
    """
    refuse_overwrite(options.out, force=options.force)
    refuse_unwritable(options.out)
    recipe = find_recipe(options.recipe)
    run = read_run(options.run)
    model = load_keras_tower(run.tower, run.spec, embedding_length=run.embedding_length)
    evaluation, representative = _choose_sets(options, run)
    _log.info("converting to %s …", recipe.name)
    tower = KerasTower(model=model, spec=run.spec)
    flatbuffer = convert_tower(tower, recipe, tower_values(representative.crops_rgb, run.spec))
    embedder = Embedder(flatbuffer, run.spec)
    _log.info("comparing on %d pictures of %d people …", len(evaluation.files), len(evaluation.people))
    before = embed_float(model, evaluation.crops_rgb, run.spec)
    after = embed_exported(embedder, evaluation.crops_rgb)
    result = judge(before, after, evaluation.labels, recipe, target_fmr=options.fmr)
    if on_gate is not None:
        on_gate(result)
    if not result.passed:
        raise CheckFailed(f"the gate says no: {'; '.join(result.reasons)}. Nothing was written. {_advice(options)}")
    bundle = assemble(
        flatbuffer,
        embedder,
        run,
        result,
        representative=representative,
        evaluation=evaluation,
        evaluated_on="validation people of the run" if options.evaluate is None else "a folder of other people",
        seed=options.seed,
        name=options.name or run.name,
        licence=options.licence,
    )
    written = write_proven(options.out, bundle)
    return Exported(tower=written, result=result, size_bytes=options.out.stat().st_size)


def _choose_sets(options: ExportOptions, run: Run) -> tuple[CropSet, CropSet]:
    """The evaluation and the representative set, of different people."""
    folder = evaluation_folder(run, options.evaluate)
    files = evaluation_files(run, options.evaluate, seed=options.seed)
    representative = choose_representative(
        options.representative,
        run,
        files,
        evaluated_where=str(folder),
        samples=options.samples,
        seed=options.seed,
    )
    reader = CropReader(folder, size_px=run.spec.size_px, template=run.template)
    evaluation = load_crops(reader, files, what="evaluation")
    check_pairs(evaluation.labels, find_recipe(options.recipe).limits, target_fmr=options.fmr)
    return evaluation, representative


def _advice(options: ExportOptions) -> str:
    if options.recipe == "float32":
        return "Please report this with the run's config.json."
    return "Give more and more varied faces to --representative, or export with --recipe float32."
