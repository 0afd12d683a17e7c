"""The networks that are compared, as the TOML file names them."""

from __future__ import annotations

import re
import sys
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from edge_runtime.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]

# A name becomes a folder's name.
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,40}")
_FACES = ("close", "wide")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A network, and how it begins.

    Attributes:
        name: What tables call it.
        size_px: Side of its input.
        faces: ``"close"`` for the crops that are trained on, ``"wide"`` for those of the wide network, with a margin.
        streams: Channels of the stream to keep of dlib's network in each stage; empty for another network.
        inner: Channels to keep inside its blocks.
        inherited: Whether the weights of the channels that are kept are kept as well, and solved anew; else the network
            is of the same shape with random ones.
        tower: Settings of the section ``tower``, for a network of :mod:`train.towers.build` with random weights.
    """

    name: str
    size_px: int
    faces: str = "close"
    streams: tuple[int, ...] = ()
    inner: tuple[int, ...] = ()
    inherited: bool = True
    tower: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what says nothing, or two things."""
        if not _NAME.fullmatch(self.name):
            raise UsageError(f"a candidate's name is made of a-z, 0-9, '.' and '-', not {self.name!r}.")
        if self.faces not in _FACES:
            raise UsageError(f"candidate {self.name}: faces must be one of {', '.join(_FACES)}, not {self.faces!r}.")
        if bool(self.streams) == bool(self.tower) or bool(self.streams) != bool(self.inner):
            raise UsageError(f"candidate {self.name} needs streams and inner, or tower: one of the two.")
        if not all(setting.startswith("tower.") for setting in self.tower):
            raise UsageError(f"candidate {self.name}: tower takes settings such as tower.width=24, not {self.tower}.")

    @property
    def narrowed(self) -> bool:
        """Whether it begins with weights of the wide network."""
        return bool(self.streams) and self.inherited

    def as_mapping(self) -> dict[str, Any]:
        """The values as JSON holds them."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    def in_words(self) -> str:
        """How it is made, in a few words."""
        if self.tower:
            return ", ".join(setting.removeprefix("tower.") for setting in self.tower)
        held = f"stream {'/'.join(map(str, self.streams))}, inner {'/'.join(map(str, self.inner))}"
        return held if self.inherited else f"{held}, random weights"


def read_candidates(path: Path) -> list[Candidate]:
    """The candidates of a file, in its order.

    Raises:
        UsageError: The file cannot be read, or an entry makes no sense, or two have one name.
    """
    try:
        held = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"the candidates in {path} cannot be read ({error}). Give a TOML file.") from error
    entries = held.get("candidate")
    if not isinstance(entries, list) or not entries:
        raise UsageError(f"{path} has no [[candidate]].")
    candidates = [_candidate(entry) for entry in entries]
    names = [candidate.name for candidate in candidates]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"{path} has two candidates of the name {twice[0]}.")
    return candidates


def _candidate(entry: Any) -> Candidate:
    known = {field.name: field.type for field in fields(Candidate)}
    if not isinstance(entry, dict) or not {"name", "size_px"} <= set(entry) <= set(known):
        raise UsageError(f"a candidate has name and size_px, and may have {', '.join(known)}; not {entry!r}.")
    for key, value in entry.items():
        kinds = {"size_px": int, "name": str, "faces": str, "inherited": bool}
        if type(value) is not kinds.get(key, list):
            raise UsageError(
                f"candidate {entry['name']}: {key} must be {kinds.get(key, list).__name__}, not {value!r}."
            )
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return Candidate(**values)
