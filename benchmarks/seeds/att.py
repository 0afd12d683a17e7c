"""The AT&T faces by some recipes, with several seeds: float and full int8 on the same pairs of strangers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.seeds.faces import measure_strangers, prepared_att
from benchmarks.seeds.record import command_of, write_result
from benchmarks.seeds.training import train
from edge_runtime.commands.console import EXIT_OK, emit, say
from edge_runtime.errors import CheckFailed
from train.recipe import load_config

# Nobody chooses an epoch: 30 people are trained on, ten are measured, and the last epoch is delivered.
_SPLIT = ("split.by=people", "split.validation=0", "split.test=0.25", "schedule.watch=last", "schedule.patience=0")


def main(arguments: argparse.Namespace) -> int:
    """Train, convert and measure by every recipe with every seed; returns the exit code."""
    rows = []
    for recipe in arguments.recipe:
        size_px = load_config(recipe).input.size_px
        data = prepared_att(arguments.work, size_px=size_px, wheels=arguments.wheels)
        runs = []
        for seed in arguments.seeds:
            runs.append(run_seed(recipe, seed, data, arguments))
            emit({"recipe": Path(recipe).stem, **runs[-1]})
        rows.append({"recipe": Path(recipe).stem, "runs": runs})
    values = {"seeds": arguments.seeds, "rows": rows}
    command = command_of("att", arguments, "recipe", "seeds")
    say(f"written: {write_result(arguments.results, 'att', values, command=command)}")
    return EXIT_OK


def run_seed(recipe: str, seed: int, data: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """One division of the people, one training, one conversion."""
    config = load_config(recipe, _SPLIT, seed=seed)
    out = arguments.work / "att" / f"{config.recipe}-seed-{seed}"
    trained = train(data, out, config, force=arguments.force)
    exported = convert(trained.run, data, out.with_name(f"{out.name}.tflite"))
    return {
        "seed": seed,
        **trained.as_mapping(),
        "float": measure_strangers(trained.run, data, run=trained.run),
        "int8": None if exported is None else measure_strangers(exported, data, run=trained.run),
        "int8_bytes": None if exported is None else exported.stat().st_size,
    }


def convert(run: Path, data: Path, out: Path) -> Path | None:
    """Convert a run's tower to full int8; the ranges are set with pictures of the people trained on.

    Returns:
        The file; None where the gate finds too much lost, which is then said.
    """
    from export.pipeline import ExportOptions, export_tower

    options = ExportOptions(run=run, representative=data, out=out, licence="research use (AT&T faces)", force=True)
    try:
        return export_tower(options).tower.path
    except CheckFailed as error:
        say(f"{out.name}: {error}")
        return None
