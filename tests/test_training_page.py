"""Every key that a recipe may have, and every recipe, stands in the documentation."""

from __future__ import annotations

import dataclasses
import typing
from pathlib import Path

import pytest

from train.config import Config
from train.recipe import known_recipes, load_config

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
PAGES = PAGE + (ROOT / "docs" / "losses.md").read_text(encoding="utf-8")


def _keys() -> list[str]:
    hints = typing.get_type_hints(Config)
    return [
        f"{section}.{entry.name}"
        for section, kind in hints.items()
        if dataclasses.is_dataclass(kind)
        for entry in dataclasses.fields(kind)
    ]


@pytest.mark.parametrize("key", _keys())
def test_a_key_is_documented(key: str) -> None:
    section, name = key.split(".")
    text = PAGES if section in ("loss", "teacher") else PAGE
    assert f"`{name}`" in text or f"`{key}" in text or f"`{section}.{name}" in text


@pytest.mark.parametrize("recipe", known_recipes())
def test_a_recipe_is_documented_and_can_be_read(recipe: str) -> None:
    assert f"`{recipe}`" in PAGE
    assert load_config(recipe).recipe == recipe
