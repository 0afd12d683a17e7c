"""The file that says what is told where."""

from __future__ import annotations

import dataclasses
import sys
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from edge_runtime.commands.printable import printable
from edge_runtime.decisions.decide import Outcome
from edge_runtime.errors import MissingDependency, UsageError
from edge_runtime.files import read_whole
from edge_runtime.outside.command import CommandConfig
from edge_runtime.outside.gpio import GpioConfig
from edge_runtime.outside.mqtt import MqttConfig
from edge_runtime.outside.policy import DeliveryPolicy
from edge_runtime.outside.secret import secret_file
from edge_runtime.outside.webhook import WebhookConfig

SinkConfig: TypeAlias = "CommandConfig | WebhookConfig | GpioConfig | MqttConfig"

_SECTIONS: dict[str, type[SinkConfig]] = {
    "command": CommandConfig, "webhook": WebhookConfig, "gpio": GpioConfig, "mqtt": MqttConfig,
}  # fmt: skip
# A pin opens a door: only for who is accepted, and not a moment later than they stand there.
_DEFAULTS: dict[str, dict[str, Any]] = {"gpio": {"on": (Outcome.ACCEPTED.value,), "max_age_s": 2.0}}
_MAX_FILE, _MAX_PLACES, _MAX_NUMBER = 1 << 20, 32, 1 << 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One place that is told.

    Attributes:
        section: Its section in the file: ``command``, ``webhook``, ``gpio`` or ``mqtt``.
        sink: How it is reached.
        delivery: What it gets.
    """

    section: str
    sink: SinkConfig
    delivery: DeliveryPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsConfig:
    """The whole file.

    Attributes:
        path: The file.
        places: All that is told.
    """

    path: Path
    places: tuple[Place, ...] = field(default=())


def read_events(path: Path, *, credentials: Path | None = None) -> EventsConfig:
    """Read and check a file of places.

    Args:
        path: The file.
        credentials: Where systemd's credentials are; where its variable says if None.

    Raises:
        UsageError: It cannot be read, is no TOML, has a key that nothing knows, lacks one, or a value makes no sense.
        MissingDependency: This Python is 3.10, and tomli is not installed.
    """
    values = _read_toml(path)
    unknown = [name for name in values if name not in _SECTIONS]
    if unknown:
        raise UsageError(f"{path}: unknown section {unknown[0]!r:.50}; known are {', '.join(_SECTIONS)}.")
    places = []
    for section, tables in values.items():
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise UsageError(f"{path}: {section} is a list of tables. Write it in double brackets: [[{section}]]")
        places += [_place(section, table, path, credentials) for table in tables]
    if not 1 <= len(places) <= _MAX_PLACES:
        raise UsageError(f"{path} names {len(places)} places; 1 to {_MAX_PLACES} are accepted, such as [[command]].")
    return EventsConfig(path=path, places=tuple(places))


def _read_toml(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        try:
            import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]
        except ImportError as error:
            raise MissingDependency("Python 3.10 has no reader of TOML. Run: pip install 'siamlite[events]'") from error
    try:
        data = read_whole(path, most_bytes=_MAX_FILE)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}. What it holds: docs/events.md.") from error
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        # Not TOMLDecodeError alone: a number of thousands of digits is a plain ValueError.
        reason = printable(str(error))[:200] or type(error).__name__
        raise UsageError(f"{path} is not valid TOML: {reason}.") from error


def _place(section: str, table: Mapping[str, Any], path: Path, credentials: Path | None) -> Place:
    def secret(text: str) -> Path:
        return secret_file(text, path.absolute().parent, credentials)

    kind, where = _SECTIONS[section], f"{path}: [[{section}]]"
    own, shared = [{entry.name for entry in dataclasses.fields(some)} for some in (kind, DeliveryPolicy)]
    unknown = [key for key in table if key not in own | shared]
    if unknown:
        raise UsageError(f"{where}: unknown key {unknown[0]!r:.50}; known are {', '.join(sorted(own | shared))}.")
    try:
        sink = _build(kind, {key: table[key] for key in table if key in own}, secret)
        given = _DEFAULTS.get(section, {}) | {key: table[key] for key in table if key in shared}
        return Place(section=section, sink=sink, delivery=_build(DeliveryPolicy, given, secret))
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error


def _build(kind: Any, values: Mapping[str, Any], secret: Callable[[str], Path]) -> Any:
    hints = typing.get_type_hints(kind)
    needed = [entry.name for entry in dataclasses.fields(kind) if entry.default is dataclasses.MISSING]
    missing = [name for name in needed if name not in values]
    if missing:
        raise UsageError(f"{missing[0]} is missing.")
    return kind(**{key: _convert(hints[key], value, key, secret) for key, value in values.items()})


def _convert(kind: Any, value: Any, key: str, secret: Callable[[str], Path]) -> Any:
    """A value as its annotated type; whole numbers are taken for floats, nothing else is converted."""
    if isinstance(kind, types.UnionType):
        kind = next(item for item in typing.get_args(kind) if item is not types.NoneType)
    if typing.get_origin(kind) is tuple and isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
        return tuple(value)
    if kind is Path and isinstance(value, str) and value and "\0" not in value:
        return secret(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < _MAX_NUMBER:
        return float(value)
    plain = isinstance(kind, type) and isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    if not plain or kind is Path:
        raise UsageError(f"{key} takes {_words(kind)}, not {value!r:.50}.")
    return value


def _words(kind: Any) -> str:
    known = {str: "text", int: "a whole number", float: "a number", bool: "true or false", Path: "the path of a file"}
    return known.get(kind, "a list of texts")
