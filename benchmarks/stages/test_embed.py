"""A crop to an embedding: preprocessing, and towers by recipe and number of threads, each timed and scored.

The object that is timed is the one that is scored, in the same process.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.conftest import Crops
from benchmarks.suite.accuracy import EVERYBODY, score
from benchmarks.suite.rounds import Timed
from benchmarks.suite.towers import RECIPES, load_recipe, made
from edge_runtime.faces.align import DEFAULT_TEMPLATE, AlignmentTemplate
from edge_runtime.towers.preprocess import tower_pixels
from edge_runtime.towers.shipped import SHIPPED
from edge_runtime.towers.tower import Embedder, Tower

THREADS = range(1, min(4, os.cpu_count() or 1) + 1)
# By more threads than one: what the shipped kind is, and what gains most from threads.
_THREADED = ("int8", "float32")


def _named(threads: int) -> str:
    return f"{threads}-thread" if threads == 1 else f"{threads}-threads"


def test_preprocess(timed: Timed, tower: Tower, rng: np.random.Generator) -> None:
    """A crop to the tower's colours and size."""
    crop = rng.integers(0, 256, (tower.spec.size_px, tower.spec.size_px, 3), dtype=np.uint8)

    def run() -> npt.NDArray[np.uint8]:
        return tower_pixels(crop, tower.spec)

    assert timed(run, what="a crop to the tower's colours").shape == tower.spec.shape


@pytest.mark.parametrize("threads", THREADS, ids=_named)
def test_embed_accurate(timed: Timed, threads: int, crops: Crops, request: pytest.FixtureRequest) -> None:
    """A crop to a unit embedding, by the tower that ships as the default."""
    _shipped(timed, "accurate", threads, crops, request)


@pytest.mark.parametrize("threads", THREADS, ids=_named)
def test_embed_small(timed: Timed, threads: int, crops: Crops, request: pytest.FixtureRequest) -> None:
    """A crop to a unit embedding, by the small one that ships."""
    _shipped(timed, "small", threads, crops, request)


@pytest.mark.parametrize(
    ("recipe", "threads"),
    [(recipe, threads) for recipe in RECIPES for threads in THREADS if threads == 1 or recipe in _THREADED],
    ids=lambda value: value if isinstance(value, str) else _named(value),
)
def test_embed_trial(
    timed: Timed, recipe: str, threads: int, recipes: Path, crops: Crops, request: pytest.FixtureRequest
) -> None:
    """A crop to a unit embedding, by the trial tower of a recipe."""
    tower = load_recipe(recipes, recipe, threads=threads)
    what = f"a crop to an embedding, trial tower, {recipe}"
    size = (recipes / f"{recipe}.tflite").stat().st_size
    _time(timed, tower, name=f"trial, {recipe}", what=what, threads=threads, size=size)
    if threads == 1:
        _score(timed, tower, DEFAULT_TEMPLATE, tuple(made(recipes)["strangers"]), crops, request)


def _shipped(timed: Timed, name: str, threads: int, crops: Crops, request: pytest.FixtureRequest) -> None:
    path = SHIPPED[name].path
    tower = Tower.load(path, threads=threads)
    what = f"a crop to an embedding, `{tower.card.name}` ({tower.card.recipe})"
    _time(timed, tower, name=tower.card.name, what=what, threads=threads, size=path.stat().st_size)
    if threads == 1:
        _score(timed, tower, tower.card.template, EVERYBODY, crops, request)


def _time(timed: Timed, tower: Embedder, *, name: str, what: str, threads: int, size: int) -> None:
    side = tower.spec.size_px
    crop = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)

    def run() -> npt.NDArray[np.float32]:
        return tower.embed_one(crop)

    counted = f"{threads} thread{'s' if threads > 1 else ''}"
    found = timed(run, what=f"{what}, {counted}", tower=name, threads=threads, file_bytes=size)
    assert found.shape == (tower.embedding_length,)


def _score(
    timed: Timed,
    tower: Embedder,
    template: AlignmentTemplate,
    people: tuple[str, ...],
    crops: Crops,
    request: pytest.FixtureRequest,
) -> None:
    if request.config.getoption("--times-only"):
        return
    # A smoke test takes two people: enough to have pairs of both kinds.
    chosen = crops.of(tower.spec.size_px, template, people=people[:2] if timed.smoke else people)
    found = score(tower, chosen)
    timed.note(accuracy=found)
    assert found["acquired"] > 0.9 * found["pictures"]
