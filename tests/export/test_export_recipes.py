from __future__ import annotations

import pytest

from edge_runtime.errors import UsageError
from export.conversion.recipes import DEFAULT_RECIPE, RECIPES, GateLimits, find_recipe
from export.gate.tables import recipes_json, recipes_table


def test_recipes_are_found_by_their_names() -> None:
    assert [find_recipe(name).name for name in RECIPES] == list(RECIPES)
    assert find_recipe(DEFAULT_RECIPE).ends == "int8"


def test_unknown_recipe_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="unknown recipe 'int4'; known are int8, int8-float-io,"):
        find_recipe("int4")


@pytest.mark.parametrize(
    "change",
    [
        {"min_mean_cosine": 0.0},
        {"min_mean_cosine": 1.1},
        {"min_p5_cosine": -1.0},
        {"max_eer_rise": float("nan")},
        {"max_tar_drop": 0.5},
        {"min_genuine_pairs": 0},
    ],
)
def test_senseless_limits_are_refused(change: dict[str, float]) -> None:
    sound = {"min_mean_cosine": 0.9, "min_p5_cosine": 0.9, "max_eer_rise": 0.01, "max_tar_drop": 0.01}
    GateLimits(**sound)  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        GateLimits(**(sound | change))  # type: ignore[arg-type]


def test_limits_can_be_replaced_by_their_short_names() -> None:
    limits = find_recipe("int8", limits=["eer-rise=0.003", "mean-cosine=0.998"]).limits
    assert (limits.max_eer_rise, limits.min_mean_cosine) == (0.003, 0.998)
    assert limits.max_tar_drop == RECIPES["int8"].limits.max_tar_drop


@pytest.mark.parametrize("limit", ["eer-rise", "eer-rise=little", "speed=1", "eer-rise=0.7"])
def test_wrong_limits_are_refused(limit: str) -> None:
    with pytest.raises(UsageError):
        find_recipe("int8", limits=[limit])


def test_every_recipe_is_listed_with_its_limits() -> None:
    table = recipes_table()
    for values in recipes_json():
        assert values["name"] in table
        assert f"{values['limits']['min_mean_cosine']:g}" in table
