from __future__ import annotations

import pytest

from edge_runtime.errors import UsageError
from export.conversion.recipes import DEFAULT_RECIPE, RECIPES, GateLimits, find_recipe
from export.gate.tables import recipes_json, recipes_table


def test_recipes_are_found_by_their_names() -> None:
    assert [find_recipe(name).name for name in RECIPES] == list(RECIPES)
    assert find_recipe(DEFAULT_RECIPE).full_integer


def test_unknown_recipe_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="unknown recipe 'int4'; known are int8, float32"):
        find_recipe("int4")


@pytest.mark.parametrize(
    "limits",
    [
        {"min_mean_cosine": 0.0, "max_eer_rise": 0.01},
        {"min_mean_cosine": 1.1, "max_eer_rise": 0.01},
        {"min_mean_cosine": 0.9, "max_eer_rise": float("nan")},
        {"min_mean_cosine": 0.9, "max_eer_rise": 0.01, "min_genuine_pairs": 0},
    ],
)
def test_senseless_limits_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        GateLimits(**limits)  # type: ignore[arg-type]


def test_every_recipe_is_listed_with_its_limits() -> None:
    table = recipes_table()
    for values in recipes_json():
        assert values["name"] in table
        assert f"{values['limits']['min_mean_cosine']:g}" in table
