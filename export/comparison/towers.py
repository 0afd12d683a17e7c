"""The tower files that are compared: loaded, proven and named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.errors import TowerError, UsageError
from edge_runtime.files import sha256_file
from edge_runtime.towers.bundle import read_bundle
from edge_runtime.towers.tower import Tower


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A tower that takes part.

    Attributes:
        name: What tables and plots call it; no two are called the same.
        path: Its file.
        tower: The tower, loaded and self-tested.
        file_bytes: Size of the file, with card and golden vectors.
        model_bytes: Size of the flatbuffer alone.
        sha256: Of the file.
    """

    name: str
    path: Path
    tower: Tower
    file_bytes: int
    model_bytes: int
    sha256: str


def load_contenders(paths: Sequence[Path], *, threads: int = 1, family: str | None = None) -> list[Contender]:
    """Load every tower before anything is measured; the same file may be given twice.

    Args:
        paths: The ``.tflite`` files that ``python -m export convert`` wrote.
        threads: Threads to compute with.
        family: Which interpreter; the preferred one that is installed if None.

    Raises:
        UsageError: There are fewer than two, or one is no file.
        TowerError: One is damaged, foreign or edited, or fails its self-test; the message names it.
        MissingDependency: No interpreter is installed.
    """
    if len(paths) < 2:
        raise UsageError("one tower cannot be compared with itself alone: give two or more .tflite files.")
    for path in paths:
        if not path.is_file():
            raise UsageError(f"{path} is not a file. Give .tflite files that `python -m export convert` wrote.")
    return [
        _load(path, name, threads=threads, family=family)
        for path, name in zip(paths, display_names(paths), strict=True)
    ]


def _load(path: Path, name: str, *, threads: int, family: str | None) -> Contender:
    try:
        tower = Tower.load(path, threads=threads, family=family)
        model_bytes = len(read_bundle(path).flatbuffer)
    except TowerError as error:
        if str(path) in str(error):
            raise
        raise TowerError(f"{path}: {error}") from error
    return Contender(
        name=name,
        path=path,
        tower=tower,
        file_bytes=path.stat().st_size,
        model_bytes=model_bytes,
        sha256=sha256_file(path),
    )


def display_names(paths: Sequence[Path]) -> list[str]:
    """A name for each file: as short as tells them apart, numbered where one is given again."""
    stems = [path.stem for path in paths]
    names: list[str] = []
    for path, stem in zip(paths, stems, strict=True):
        others = {other for other, its in zip(paths, stems, strict=True) if its == stem}
        base = stem if len(others) == 1 else str(path.with_suffix(""))
        before = sum(earlier == path for earlier in paths[: len(names)])
        names.append(f"{base} ({before + 1})" if before else base)
    return names


def same_towers(contenders: Sequence[Contender]) -> list[tuple[str, str]]:
    """Names of those that are the same file, byte for byte: each with the first of its kind."""
    first: dict[str, str] = {}
    pairs = []
    for one in contenders:
        if one.sha256 in first:
            pairs.append((first[one.sha256], one.name))
        first.setdefault(one.sha256, one.name)
    return pairs
