"""The options that choose a recipe, for the commands that take one."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from train.recipe import DEFAULT_RECIPE, known_recipes

if TYPE_CHECKING:
    from train.config import Config


def add_recipe_options(command: Any) -> None:
    """Add ``--recipe``, ``--set`` and ``--seed``."""
    command.add_argument(
        "--recipe",
        default=DEFAULT_RECIPE,
        metavar="NAME",
        help=f"{', '.join(known_recipes())}, or a .toml file (default: {DEFAULT_RECIPE})",
    )
    command.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="settings", help="such as augment.blur=0.5"
    )
    command.add_argument("--seed", type=int, metavar="N", help="seed of everything that is random")


def recipe_words(options: argparse.Namespace) -> list[str]:
    """The options as they were given, for a command that is to take the same recipe."""
    seed = [] if options.seed is None else [f"--seed={options.seed}"]
    return ["--recipe", options.recipe, *(f"--set={setting}" for setting in options.settings), *seed]


def chosen_config(options: argparse.Namespace, *more: str) -> Config:
    """The configuration that the options name, with more settings on top.

    Raises:
        UsageError: The recipe or a setting is wrong.
    """
    from train.recipe import load_config

    return load_config(options.recipe, [*options.settings, *more], seed=options.seed)
