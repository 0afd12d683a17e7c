"""Recipes: TOML files of settings, with ``--set key=value`` on top, checked key by key."""

from __future__ import annotations

import dataclasses
import sys
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge_runtime.commands.printable import printable
from edge_runtime.errors import UsageError
from edge_runtime.files import read_whole
from train.config import Config

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]

RECIPES_FOLDER = Path(__file__).parent / "recipes"
DEFAULT_RECIPE = "faces-small"
_MAX_FILE = 1 << 20


def known_recipes() -> list[str]:
    """Names of the recipes that come with siamlite."""
    return sorted(path.stem for path in RECIPES_FOLDER.glob("*.toml"))


def load_config(recipe: str = DEFAULT_RECIPE, settings: Sequence[str] = (), **top: Any) -> Config:
    """Read a recipe and put settings on top of it.

    Args:
        recipe: Name of a recipe that comes with siamlite, or path of a TOML file.
        settings: ``key=value`` texts; the key has its section before a dot (``tower.width=32``), the value is TOML, and
            a word needs no quotes, and no value at all (``loss.margin=``) takes the key out of the recipe.
        **top: Values of top-level keys that win over all (``seed=3``); None is left out.

    Returns:
        The checked configuration.

    Raises:
        UsageError: The recipe or a key is unknown, the file is not TOML, or a value is wrong.
    """
    path = Path(recipe) if recipe.endswith(".toml") else RECIPES_FOLDER / f"{recipe}.toml"
    values = _read_toml(path, recipe)
    values["recipe"] = path.stem
    for setting in settings:
        _apply_setting(values, setting)
    values.update({key: value for key, value in top.items() if value is not None})
    return config_from_mapping(values)


def config_from_mapping(values: Mapping[str, Any]) -> Config:
    """Check nested values, as TOML or JSON gives them, and make them a configuration.

    Raises:
        UsageError: A key is unknown or missing, or a value is of the wrong type or out of range.
    """
    config: Config = _build(Config, values, "")
    return config


def config_to_mapping(config: Config) -> dict[str, Any]:
    """The resolved configuration as nested values that JSON can hold; the other way of :func:`config_from_mapping`."""
    values = dataclasses.asdict(config)
    values["tower"]["blocks"] = list(config.tower.blocks)
    return values


def _read_toml(path: Path, recipe: str) -> dict[str, Any]:
    try:
        return tomllib.loads(read_whole(path, most_bytes=_MAX_FILE).decode("utf-8"))
    except OSError as error:
        known = ", ".join(known_recipes())
        raise UsageError(f"there is no recipe {recipe!r}. Give one of: {known}; or a .toml file.") from error
    except (ValueError, RecursionError) as error:
        # Not TOMLDecodeError alone: a number of thousands of digits is a plain ValueError.
        reason = printable(str(error))[:200]
        raise UsageError(f"the recipe {path} is not valid TOML: {reason}.") from error


def _apply_setting(values: dict[str, Any], setting: str) -> None:
    key, equals, text = setting.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--set takes key=value, for example --set tower.width=32, not {setting!r:.80}.")
    *sections, name = key.strip().split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise UsageError(f"--set {setting!r:.80}: {section!r:.50} is a value, not a section.")
    if not text.strip():
        values.pop(name, None)
        return
    try:
        value = tomllib.loads(f"value = {text.strip()}")["value"]
    except (ValueError, RecursionError):
        value = text.strip()
    values[name] = value


def _build(kind: Any, values: Mapping[str, Any], where: str) -> Any:
    """Make a dataclass from nested values, refusing unknown and missing keys and wrong types."""
    hints = typing.get_type_hints(kind)
    entries = {entry.name: entry for entry in dataclasses.fields(kind)}
    unknown = [key for key in values if key not in entries]
    if unknown:
        raise UsageError(
            f"unknown key {where + unknown[0]!r:.80}; known are {', '.join(where + key for key in entries)}."
        )
    missing = [
        where + entry.name
        for entry in entries.values()
        if entry.default is dataclasses.MISSING
        and entry.default_factory is dataclasses.MISSING
        and entry.name not in values
    ]
    if missing:
        raise UsageError(f"the recipe lacks {', '.join(missing)}. Add it to the recipe or give it with --set.")
    return kind(**{key: _convert(hints[key], value, where + key) for key, value in values.items()})


def _convert(kind: Any, value: Any, where: str) -> Any:
    """A value as its annotated type; whole numbers are taken for floats, nothing else is converted."""
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise UsageError(f"{where} is a section of keys, not {value!r:.50}. Use: --set {where}.KEY=VALUE")
        return _build(kind, value, where + ".")
    if isinstance(kind, types.UnionType):
        # Such as float | None: None is what leaving the key out means, TOML has no word for it.
        if value is None:
            return None
        kind = next(item for item in typing.get_args(kind) if item is not types.NoneType)
    origin = typing.get_origin(kind)
    if origin is tuple:
        if not isinstance(value, list | tuple) or not all(type(item) is int for item in value):
            raise UsageError(f"{where} must be a list of whole numbers, such as [1, 1, 1], not {value!r:.50}.")
        return tuple(value)
    if origin is typing.Literal:
        kind = str
    if kind is float and type(value) is int and abs(value) < 1 << 63:
        return float(value)
    if type(value) is not kind:
        names = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
        raise UsageError(f"{where} must be {names[kind]}, not {value!r:.50}.")
    return value
