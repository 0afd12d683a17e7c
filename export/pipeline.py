"""The whole export of a training run, step by step: what the command line runs, for Python programs as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.errors import CheckFailed
from edge_runtime.files import refuse_overwrite
from edge_runtime.measures.metrics import OperatingPoint
from edge_runtime.towers.bundle import pack_bundle
from edge_runtime.towers.tower import Tower
from export.delivery.bundle import assemble, refuse_unwritable, representative_values, write_proven
from export.delivery.limits import kind_of_pictures, stated_limits
from export.delivery.signing import load_private_key, sign_bundle
from export.gate.attempt import Attempt, Watcher, find_conversion
from export.gate.judge import check_pairs
from export.gate.result import GateResult
from export.gate.study import COUNTS
from export.pictures.crops import CropReader, CropSet, load_crops
from export.pictures.evaluation import evaluation_files, evaluation_folder
from export.pictures.replay import read_representative_list
from export.pictures.representative import choose_representative
from export.preflight.verdicts import examine
from export.runtimes.runner import Runner
from export.settings import Settings
from export.sources.float_tower import KerasTower
from export.sources.keras_file import load_keras_tower
from export.sources.run import Run, read_run
from export.sources.subject import Subject, subject_of_run

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions(Settings):
    """What to export, and how.

    Attributes:
        run: Folder of a training run.
    """

    run: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A tower that was written.

    Attributes:
        tower: It, loaded from its file.
        result: What the gate measured.
        kept_float: Names of the layers that stayed float.
        size_bytes: Size of the whole file.
    """

    tower: Tower
    result: GateResult
    kept_float: tuple[str, ...]
    size_bytes: int

    @property
    def thresholds(self) -> tuple[OperatingPoint, ...]:
        """Its operating points."""
        return self.tower.card.thresholds


def export_tower(options: ExportOptions, *, watcher: Watcher | None = None) -> Exported:
    """Convert a trained tower, prove it, and write it.

    Args:
        options: What to export, and how.
        watcher: Is told what is found on the way.

    Returns:
        The written tower.

    Raises:
        CheckFailed: The gate says no, or a target does not take the file; nothing was written.
        DataError: The run or a folder of pictures cannot be used, or people are shared who must not be.
        TowerError: The Keras file cannot be trusted or converted.
        UsageError: The target exists, or the pairs are too few for the target FMR.
        WriteError: The file cannot be written.
    """
    refuse_unwritable(options.out, study=options.study)
    for path in filter(None, (options.out, options.study)):
        refuse_overwrite(path, force=options.force)
    runner, key = options.runner(), signing_key(options)
    run = read_run(options.run)
    model = load_keras_tower(run.tower, run.spec, embedding_length=run.embedding_length)
    evaluation, representative, studied = _choose_sets(options, run)
    calibrated = options.chosen_recipe().calibrated
    attempt = find_conversion(
        KerasTower(model=model, spec=run.spec),
        options,
        representative=representative,
        evaluation=evaluation,
        runner=runner,
        watcher=watcher or Watcher(),
        studied=studied,
    )
    return deliver(
        attempt,
        options,
        subject_of_run(run, name=options.name, licence=options.licence),
        runner=runner,
        key=key,
        representative=representative_values(representative, seed=options.seed, names=options.list_names)
        if calibrated
        else {},
        evaluation={
            "on": "validation people of the run" if options.evaluate is None else "a folder of other people",
            "sha256": evaluation.sha256,
        },
        pictures=kind_of_pictures(prepared=evaluation.prepared),
    )


def deliver(
    attempt: Attempt,
    settings: Settings,
    subject: Subject,
    *,
    runner: Runner,
    key: Ed25519PrivateKey | None,
    representative: dict[str, Any],
    evaluation: dict[str, Any],
    pictures: str,
) -> Exported:
    """Write what passed the gate.

    Args:
        attempt: The conversion.
        settings: Where to, and how.
        subject: What was exported.
        runner: The interpreter that it was judged in.
        key: Signs the file; None leaves it unsigned.
        representative: What it was calibrated with, for the card.
        evaluation: Whom it was evaluated on, for the card.
        pictures: The kind of pictures that it was evaluated on, unless the settings say it.

    Raises:
        CheckFailed: The gate says no, or a target does not take the file; nothing was written.
        WriteError: The file cannot be written.
    """
    result = attempt.result
    if not result.passed:
        raise CheckFailed(f"the gate says no: {'; '.join(result.reasons)}. Nothing was written. {_advice(settings)}")
    kind = settings.measured_on or pictures
    limits = stated_limits(subject.limits, pictures=kind, added=settings.limits_text)
    bundle = assemble(
        attempt.flatbuffer,
        runner,
        replace(subject, limits=limits),
        result,
        runtimes={
            verdict.runtime: {"outcome": verdict.outcome, "reason": verdict.reason}
            for verdict in examine(attempt.flatbuffer)
        },
        representative=representative,
        evaluation=evaluation,
        kept_float=[layer.name for layer in attempt.kept],
    )
    data = pack_bundle(bundle) if key is None else sign_bundle(bundle, key)
    tower = write_proven(settings.out, data, family=settings.runtime)
    return Exported(
        tower=tower,
        result=result,
        kept_float=tuple(layer.name for layer in attempt.kept),
        size_bytes=settings.out.stat().st_size,
    )


def signing_key(settings: Settings) -> Ed25519PrivateKey | None:
    """The key to sign with, read before the work begins; None if there is none.

    Raises:
        MissingDependency: The ``cryptography`` package is not installed.
        UsageError: It cannot be used.
    """
    return None if settings.sign_key is None else load_private_key(settings.sign_key)


def _choose_sets(options: ExportOptions, run: Run) -> tuple[CropSet, CropSet, CropSet | None]:
    """The evaluation, the representative set, and the set of a study, if there is to be one: all of other people."""
    folder = evaluation_folder(run, options.evaluate)
    files = evaluation_files(run, options.evaluate, seed=options.seed)

    def choose(samples: int, replay: Sequence[str] = ()) -> CropSet:
        return choose_representative(
            options.representative,
            run.spec,
            run.template,
            files,
            evaluated_where=str(folder),
            run=run,
            replay=replay,
            samples=samples,
            seed=options.seed,
        )

    replay = read_representative_list(options.representative_list) if options.representative_list else ()
    representative = choose(options.samples, replay)
    studied = None if options.study is None else choose(max(COUNTS))
    reader = CropReader(folder, size_px=run.spec.size_px, template=run.template)
    evaluation = load_crops(reader, files, what="evaluation")
    check_pairs(evaluation.labels, options.chosen_recipe().limits, target_fmr=options.fmr)
    return evaluation, representative, studied


def _advice(settings: Settings) -> str:
    recipe = settings.chosen_recipe()
    if recipe.name == "float32":
        return "Nothing is quantized in it, so this is a fault of the conversion: please report it."
    if recipe.selective:
        return "Keep more layers float with --keep-float, or export with --recipe int16x8 or float32."
    if recipe.activations == "int8" and not settings.or_selective:
        return "Add --or-selective to leave the worst layers float, or give more varied faces to --representative."
    return "Give more and more varied faces to --representative, or export with --recipe float32."
