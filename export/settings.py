"""What every export can be told, whatever it begins with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_runtime.errors import UsageError
from export.conversion.recipes import DEFAULT_RECIPE, Recipe, find_recipe
from export.delivery.limits import refuse_bad_words
from export.pictures.representative import DEFAULT_SAMPLES, MIN_PICTURES
from export.preflight.verdicts import refuse_unknown
from export.runtimes.environment import OtherEnvironment
from export.runtimes.runner import LocalRunner, Runner

DEFAULT_FMR = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to export.

    Attributes:
        out: The tower file to write.
        representative: Folder of people to set the ranges of integers with.
        representative_list: A tower file, or a JSON file, whose list of pictures is taken again; None to choose.
        list_names: Whether the card's list of representative pictures holds their names besides their hashes.
        recipe: Name of a recipe.
        limits: Limits of the gate in place of the recipe's, each ``KEY=VALUE``.
        keep_float: Patterns of layers that stay float, for ``int8-selective``; found automatically if empty.
        or_selective: Whether ``int8-selective`` is tried where int8 fails its gate.
        layers: Whether the error of every layer is told.
        study: Folder for a study of the number of representative pictures; None for none.
        evaluate: Folder of people to measure on; where there is a run, None means its validation people.
        samples: Size of the representative set.
        fmr: Target FMR of the default threshold.
        targets: Runtimes that must take the file (:mod:`export.preflight.verdicts`), besides the one measured in.
        runtime: Interpreter family to measure in; the preferred one if None.
        runtime_python: Python of another environment whose interpreter is measured in.
        name: What people shall call the tower; what is exported says it if None.
        licence: Licence of the weights.
        measured_on: The kind of pictures that are measured on, in words for the card; the kind of file if None.
        limits_text: What else the card says of the tower's limits; None for nothing.
        sign_key: Private key to sign the file with; None to leave it unsigned.
        seed: Of all that is drawn.
        force: Whether an existing file may be replaced.
    """

    out: Path
    representative: Path
    representative_list: Path | None = None
    list_names: bool = False
    recipe: str = DEFAULT_RECIPE
    limits: tuple[str, ...] = ()
    keep_float: tuple[str, ...] = ()
    or_selective: bool = False
    layers: bool = False
    study: Path | None = None
    evaluate: Path | None = None
    samples: int = DEFAULT_SAMPLES
    fmr: float = DEFAULT_FMR
    targets: tuple[str, ...] = ()
    runtime: str | None = None
    runtime_python: Path | None = None
    name: str | None = None
    licence: str = "not stated"
    measured_on: str | None = None
    limits_text: str | None = None
    sign_key: Path | None = None
    seed: int = 0
    force: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        recipe = self.chosen_recipe()
        if self.keep_float and not recipe.selective:
            raise UsageError(f"--keep-float is for --recipe int8-selective, not {recipe.name}.")
        if self.or_selective and recipe.name not in ("int8", "int8-float-io"):
            raise UsageError(f"--or-selective goes with --recipe int8 or int8-float-io, not {recipe.name}.")
        if self.study is not None and not recipe.calibrated:
            raise UsageError(f"--study: {recipe.name} needs no representative pictures, so there is nothing to study.")
        refuse_unknown(self.targets)
        if self.samples < MIN_PICTURES:
            raise UsageError(f"--samples must be at least {MIN_PICTURES}, not {self.samples}; 300 are usual.")
        if not 0 < self.fmr < 1:
            raise UsageError(f"--fmr is a rate between 0 and 1, such as 0.01, not {self.fmr:g}.")
        if self.seed < 0:
            raise UsageError(f"--seed must not be negative, but is {self.seed}.")
        if self.name is not None and not self.name.strip():
            raise UsageError("--name is empty. Leave it out, or give the tower a name.")
        refuse_bad_words(self.measured_on, "--measured-on")
        refuse_bad_words(self.limits_text, "--limits-text")
        if self.runtime is not None and self.runtime_python is not None:
            raise UsageError("--runtime is for this environment, --runtime-python for another: give one of them.")

    def chosen_recipe(self) -> Recipe:
        """The recipe, with the limits asked for."""
        return find_recipe(self.recipe, limits=self.limits)

    def runner(self) -> Runner:
        """The interpreter to measure in, asked for its name: one that is not there is told of before the work begins.

        Raises:
            MissingDependency: It is not installed.
            UsageError: The interpreter is unknown, or there is no such Python.
        """
        runner: Runner
        if self.runtime_python is None:
            runner = LocalRunner(family=self.runtime)
        else:
            runner = OtherEnvironment(python=self.runtime_python)
        _ = runner.backend
        return runner
