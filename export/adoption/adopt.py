"""From a foreign model to a tower file: opened, measured, converted behind the gate, written."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import CheckFailed, TowerError, UsageError
from edge_runtime.faces.align import DEFAULT_TEMPLATE, AlignmentTemplate
from edge_runtime.files import refuse_overwrite
from edge_runtime.towers.card import DEFAULT_LIMITS
from edge_runtime.towers.preprocess import InputSpec
from export.adoption.given import GivenInput
from export.adoption.model import ForeignFile, ForeignModel
from export.adoption.opening import open_foreign
from export.adoption.people import Sets, choose_sets
from export.conversion.recipes import GateLimits, Recipe
from export.delivery.bundle import refuse_unwritable, representative_values
from export.delivery.limits import kind_of_pictures
from export.gate.attempt import Attempt, Watcher, find_conversion, refuse_targets
from export.gate.judge import judge, refuse_degenerate
from export.pipeline import Exported, deliver, signing_key
from export.runtimes.runner import Runner
from export.settings import Settings
from export.sources.float_tower import FloatTower
from export.sources.subject import Subject

_log = logging.getLogger(__name__)

# What a TFLite file is judged by: nothing is converted, so there is nothing to compare it with.
AS_IT_CAME = Recipe(
    name="as it came",
    purpose="a TFLite file that others converted",
    limits=GateLimits(min_mean_cosine=0.0001, min_p5_cosine=0.0001, max_eer_rise=0.49, max_tar_drop=0.49),
    weights="float32",
    activations="float32",
)
_CHECK_INPUT = "Check --colour, --range and --align: python -m export probe tries them"
LIMITS = (
    "Its training data are unknown to whoever adopted it: whether the people it was measured on were among them was "
    f"not checked, so it may be worse on strangers than its card says. {DEFAULT_LIMITS.split('. ', 1)[1]}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptOptions(Settings):
    """What to adopt, and how.

    Attributes:
        source: The model.
        given: What its adopter says of its input.
        template: Where landmarks lie in its crops.
        aligned: Whether the pictures are crops, aligned to that template already.
        asked: Options about conversion that were given; there must be none for a TFLite file.
    """

    source: ForeignFile
    given: GivenInput = field(default_factory=GivenInput)
    template: AlignmentTemplate = DEFAULT_TEMPLATE
    aligned: bool = False
    asked: tuple[str, ...] = ()


def adopt_tower(options: AdoptOptions, *, watcher: Watcher | None = None) -> Exported:
    """Wrap a model that others trained, after measuring it.

    Args:
        options: What to adopt, and how.
        watcher: Is told what is found on the way.

    Returns:
        The written tower.

    Raises:
        CheckFailed: The gate says no, a target cannot run it, or its embeddings are good for nothing: nothing was
            written.
        DataError: The file or a folder of pictures cannot be used.
        MissingDependency: It is an ONNX file and the converter is not installed.
        TowerError: The model cannot be trusted or converted, or is no tower.
        UsageError: An option does not fit the model, or the pairs are too few for the target FMR.
        WriteError: The file cannot be written.
    """
    refuse_unwritable(options.out, study=options.study)
    for path in filter(None, (options.out, options.study)):
        refuse_overwrite(path, force=options.force)
    runner, key = options.runner(), signing_key(options)
    model = open_foreign(options.source, family=options.runtime)
    spec = options.given.spec(size_px=model.size_px, channels=model.channels)
    recipe = AS_IT_CAME if model.make_tower is None else options.chosen_recipe()
    if model.make_tower is None and options.asked:
        raise UsageError(
            f"{options.source.path} is TFLite already and is taken as it is: {' and '.join(options.asked)} can change "
            "nothing. Leave it out, or adopt the model that the file was converted from."
        )
    sets = choose_sets(options, recipe, spec, options.template, aligned=options.aligned)
    attempt = _attempt(model, spec, sets, options, runner, watcher or Watcher())
    calibrated = bool(sets.representative.files) and recipe.calibrated
    return deliver(
        attempt,
        options,
        _subject(model, spec, options),
        runner=runner,
        key=key,
        representative=representative_values(sets.representative, seed=options.seed, names=options.list_names)
        if calibrated
        else {},
        evaluation={
            "on": "people of whoever adopted the tower",
            "pictures_were": "crops aligned by others" if options.aligned else "aligned by siamlite",
            "sha256": sets.evaluation.sha256,
        },
        pictures=kind_of_pictures(prepared=sets.evaluation.prepared, foreign=options.aligned),
    )


def _attempt(
    model: ForeignModel, spec: InputSpec, sets: Sets, options: AdoptOptions, runner: Runner, watcher: Watcher
) -> Attempt:
    """Convert the model behind the gate, or measure the file that it is."""
    crops = sets.evaluation.crops_rgb
    _log.info("embedding %d pictures of %d people …", len(crops), len(sets.evaluation.people))
    if model.make_tower is None:
        flatbuffer = model.flatbuffer or b""
        refuse_targets(flatbuffer, options, runner)
        after = _embed_as_it_came(model, spec, crops, runner)
        result = judge(None, after, sets.evaluation.labels, AS_IT_CAME, target_fmr=options.fmr)
        watcher.gate(result)
        return Attempt(flatbuffer=flatbuffer, result=result)
    tower = _Measured(model.make_tower(spec), crops)
    refuse_degenerate(tower.seen, "foreign model", f"{_CHECK_INPUT}, or choose another --output.")
    return find_conversion(
        tower,
        options,
        representative=sets.representative,
        evaluation=sets.evaluation,
        runner=runner,
        watcher=watcher,
        studied=sets.studied,
    )


def _embed_as_it_came(
    model: ForeignModel, spec: InputSpec, crops: npt.NDArray[np.uint8], runner: Runner
) -> npt.NDArray[np.float32]:
    try:
        after = model.embed(spec, crops, runner)
    except TowerError as error:
        raise CheckFailed(f"nothing was written: {error} {_CHECK_INPUT}.") from error
    refuse_degenerate(after, "foreign model", f"{_CHECK_INPUT}, or choose another --output.")
    return after


class _Measured:
    """A float tower that does not embed the evaluation a second time."""

    def __init__(self, tower: FloatTower, crops_rgb: npt.NDArray[np.uint8]) -> None:
        self._tower, self._crops = tower, crops_rgb
        self.spec = tower.spec
        self.seen = tower.embed(crops_rgb)

    def embed(self, crops_rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        return self.seen if crops_rgb is self._crops else self._tower.embed(crops_rgb)

    def write_saved_model(self, folder: Path) -> None:
        self._tower.write_saved_model(folder)


def _subject(model: ForeignModel, spec: InputSpec, options: AdoptOptions) -> Subject:
    stem = options.source.path.resolve().stem
    return Subject(
        name=options.name or stem,
        spec=spec,
        template=options.template,
        training={
            "known": False,
            "adopted": {"kind": model.kind, "sha256": model.sha256}
            | ({} if options.source.output is None else {"output": options.source.output}),
        },
        licence=options.licence,
        limits=LIMITS,
    )
