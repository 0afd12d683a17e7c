"""A slice of benchmarks/compatibility in the real interpreters, each in its own environment: ``make test-runtimes``.

What preflight says of each file, without running it, must be what then happens.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.compatibility.environments import environments, missing_environments
from edge_runtime.errors import CheckFailed, TowerError
from edge_runtime.towers.preprocess import InputSpec
from export.conversion.convert import convert_saved, saved_tower
from export.conversion.layers import layer_errors
from export.conversion.recipes import RECIPES
from export.delivery.golden import golden_crops
from export.preflight.table import read_table
from export.preflight.trial import try_out, usual_inputs
from export.preflight.verdicts import TARGETS, examine, refuse_unfit
from export.quiet import import_tensorflow
from export.runtimes.environment import OtherEnvironment
from export.sources.float_tower import KerasTower
from export.sources.keras_file import tower_values

MISSING = missing_environments()
if MISSING and os.environ.get("SIAMLITE_RUNTIMES") != "required":
    pytest.skip(f"no environment for {', '.join(MISSING)}: make test-runtimes", allow_module_level=True)

DATA = Path(__file__).resolve().parents[1] / "data"
NAMES = TARGETS[:3]
SPEC = InputSpec(size_px=48, colour="rgb")
TOWERS = {"tutorial": ["tower.name=tutorial", "tower.width=16", "tower.head=average"], "plain": ["tower.width=8"]}
# Untrained towers on drawn faces: what is left of the float embedding after 8 bits, and far above any garbage.
MIN_COSINE = 0.98


@pytest.fixture(scope="module")
def runtimes() -> dict[str, OtherEnvironment]:
    return environments()


class Made:
    """A tower with its float embeddings and its conversions."""

    def __init__(self, name: str) -> None:
        from train.recipe import load_config
        from train.towers.build import build_tower

        _, keras = import_tensorflow()
        config = load_config("faces-small", [f"input.size_px={SPEC.size_px}", *TOWERS[name]])
        keras.utils.set_random_seed(5)
        tower = KerasTower(model=build_tower(config.input, config.tower), spec=SPEC)
        self.crops = golden_crops(SPEC.size_px)
        raw = tower.embed(self.crops)
        self.exact: npt.NDArray[np.float32] = raw / np.linalg.norm(raw, axis=1, keepdims=True)
        values = tower_values(self.crops, SPEC)
        self.files: dict[str, bytes] = {}
        with saved_tower(tower) as saved:
            worst = [layer.tensor for layer in layer_errors(saved, values)[:2]]
            for recipe in RECIPES.values():
                kept = worst if recipe.selective else []
                self.files[recipe.name] = convert_saved(saved, recipe, values, keep_float=kept)


@pytest.fixture(scope="module", params=sorted(TOWERS))
def made(request: pytest.FixtureRequest) -> Made:
    return Made(request.param)


@pytest.mark.parametrize("target", NAMES)
def test_each_interpreter_is_the_one_in_the_table(target: str, runtimes: dict[str, OtherEnvironment]) -> None:
    backend = runtimes[target].backend
    assert read_table()[target].interpreter == f"{backend.distribution} {backend.version}"


@pytest.mark.parametrize("target", NAMES)
def test_every_recipe_does_what_preflight_says(target: str, made: Made, runtimes: dict[str, OtherEnvironment]) -> None:
    outcomes = {}
    for recipe, flatbuffer in made.files.items():
        verdict = next(one for one in examine(flatbuffer) if one.runtime == target)
        outcomes[recipe] = verdict.outcome
        if verdict.outcome == "refused":
            with pytest.raises(TowerError, match=verdict.operator):
                runtimes[target].embed(flatbuffer, SPEC, made.crops)
        else:
            assert verdict.outcome == "runs", f"{recipe}: {verdict}"
            cosines = np.sum(runtimes[target].embed(flatbuffer, SPEC, made.crops) * made.exact, axis=1)
            assert cosines.min() > MIN_COSINE, recipe
    refused = {recipe for recipe, outcome in outcomes.items() if outcome == "refused"}
    assert refused == ({"dynamic"} if target == "tflite-runtime-2.14" else set())


def test_int8_gives_the_same_bytes_in_both_litert(made: Made, runtimes: dict[str, OtherEnvironment]) -> None:
    new, old = (
        runtimes[name].embed(made.files["int8"], SPEC, made.crops)
        for name in ("ai-edge-litert-2", "ai-edge-litert-1.4")
    )
    np.testing.assert_array_equal(new, old)


def test_the_silent_one_is_silent_where_preflight_says_it_is(runtimes: dict[str, OtherEnvironment]) -> None:
    flatbuffer = (DATA / "litert_dynamic.tflite").read_bytes()
    inputs = usual_inputs(flatbuffer)
    right = runtimes["ai-edge-litert-2"].run((DATA / "litert_dynamic_original.tflite").read_bytes(), *inputs)[0]
    assert runtimes["tflite-runtime-2.14"].refusals([flatbuffer]) == [None]
    for target in NAMES:
        given = runtimes[target].run(flatbuffer, *inputs)[0]
        near = float(np.sum(given * right) / max(1e-9, float(np.linalg.norm(given) * np.linalg.norm(right))))
        outcome = next(one.outcome for one in examine(flatbuffer) if one.runtime == target)
        assert (outcome, near > MIN_COSINE) == (("wrong", False) if target == "tflite-runtime-2.14" else ("runs", True))
    with pytest.raises(CheckFailed, match=r"give garbage.*--recipe int8"):
        refuse_unfit(flatbuffer, ["tflite-runtime-2.14"])
    with pytest.raises(CheckFailed, match="zeros"):
        try_out(flatbuffer, inputs, runtimes["tflite-runtime-2.14"])


def test_a_crash_is_one_error_and_the_rest_is_run(runtimes: dict[str, OtherEnvironment]) -> None:
    """The root of this one lies where there is nothing; tflite-runtime 2.14 follows it out of its memory."""
    whole = (DATA / "litert_dynamic_original.tflite").read_bytes()
    said = runtimes["tflite-runtime-2.14"].refusals([whole, b"\0\0\0\0TFL3" + bytes(40), whole])
    assert said[0] is None
    assert said[1] is not None
    assert said[2] is None
