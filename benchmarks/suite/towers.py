"""The towers that are timed besides those that ship: a trial tower by every recipe of ``export``.

``python -m benchmarks.suite.towers`` makes it: the default network, trained for a moment on 30 of the AT&T
people. It is no good tower, but it is a trained one, and what a recipe costs it shows. It takes some minutes and
TensorFlow, once; the folder can be taken to a device that has neither.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

from edge_runtime.commands.console import EXIT_OK, run_command, say
from edge_runtime.files import read_json, write_bytes, write_json
from edge_runtime.home import cache_folder
from edge_runtime.towers.preprocess import InputSpec
from edge_runtime.towers.tower import Embedder

ACCURATE = Path(__file__).resolve().parents[2] / "edge_runtime/models/accurate.tflite"
# The recipes of export, which may be missing where this runs; a test holds the two lists together.
RECIPES = ("int8", "int8-float-io", "int8-selective", "int16x8", "dynamic", "float16", "float32")
_PICTURES = 100


def recipe_folder() -> Path:
    """``$SIAMLITE_BENCH_TOWERS``, else a folder of the cache."""
    given = os.environ.get("SIAMLITE_BENCH_TOWERS")
    return Path(given) if given else cache_folder() / "bench-towers"


def load_recipe(folder: Path, recipe: str, *, threads: int = 1) -> Embedder:
    """The trial tower by a recipe.

    Raises:
        DataError: The folder is not one that :func:`make_recipe_towers` made.
        TowerError: The interpreter refuses the model.
    """
    spec = InputSpec(**made(folder)["input"])
    return Embedder((folder / f"{recipe}.tflite").read_bytes(), spec, threads=threads)


def made(folder: Path) -> dict[str, Any]:
    """What is known of the trial tower: ``input``, ``strangers`` (who was not trained on), ``command``.

    Raises:
        DataError: It was not made.
    """
    return read_json(folder / "made.json", what="the trial tower of the benchmarks")


def make_recipe_towers(folder: Path) -> Path:
    """Train the trial tower, convert it by every recipe, and keep the files.

    Raises:
        SiamliteError: The faces are not to be had, or the tower cannot be made.
    """
    from dataclasses import asdict

    from benchmarks.compatibility.towers import conversions, trained_tower
    from train.data.split import read_split

    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        trained = trained_tower("plain", work, pictures=_PICTURES)
        for name, flatbuffer in conversions(trained, work / "converted"):
            write_bytes(folder / f"{name}.tflite", flatbuffer)
        strangers = sorted(read_split(work / "compatibility/plain/split.json").test)
    about = {"input": asdict(trained.spec), "strangers": strangers, "command": "python -m benchmarks.suite.towers"}
    write_json(folder / "made.json", about)
    return folder


def _run(options: argparse.Namespace) -> int:
    if (options.out / "made.json").is_file() and not options.force:
        say(f"there already: {options.out}")
        return EXIT_OK
    say(f"made: {make_recipe_towers(options.out)}")
    return EXIT_OK


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.suite.towers", description=__doc__)
    parser.add_argument(
        "--out", type=Path, default=recipe_folder(), metavar="DIR", help="where to (default: the cache)"
    )
    parser.add_argument("--force", action="store_true", help="make it anew")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=_run)
    return parser


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None))
