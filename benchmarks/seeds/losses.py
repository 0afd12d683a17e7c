"""Every loss and sampler on one small set of real faces: same people, same tower, same number of pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.seeds.faces import measure_strangers, prepared_att
from benchmarks.seeds.record import command_of, write_result
from benchmarks.seeds.setups import RECIPE, SETUPS, TEACHER, Setup
from benchmarks.seeds.training import train
from edge_runtime.commands.console import EXIT_OK, emit, say
from train.config import Config
from train.losses.build import loss_settings
from train.recipe import load_config

_TEACHER = Setup(name="the teacher", settings=TEACHER)


def main(arguments: argparse.Namespace) -> int:
    """Train every set-up with every seed; returns the exit code."""
    data = prepared_att(arguments.work, size_px=load_config(str(RECIPE)).input.size_px, wheels=arguments.wheels)
    rows = [run_setup(setup, data, arguments) for setup in (_TEACHER, *SETUPS)]
    values = {"seeds": arguments.seeds, "rows": rows}
    command = command_of("losses", arguments, "seeds")
    say(f"written: {write_result(arguments.results, 'losses', values, command=command)}")
    return EXIT_OK


def run_setup(setup: Setup, data: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Train one set-up with every seed and measure it on the people whom it has not seen."""
    runs = []
    for seed in arguments.seeds:
        folder = arguments.work / "losses" / f"seed-{seed}"
        config = setup.config(seed, folder / _run_name(_TEACHER))
        trained = train(data, folder / _run_name(setup), config, force=arguments.force)
        runs.append({"seed": seed, **trained.as_mapping(), **measure_strangers(trained.run, data, run=trained.run)})
    row = {**describe(setup, config), "runs": runs}
    emit({"name": setup.name, "eer": [run["eer"] for run in runs], "cpu": [run["cpu_seconds"] for run in runs]})
    return row


def describe(setup: Setup, config: Config) -> dict[str, Any]:
    """What a row of the table says of a set-up: its loss with all that the loss takes, its sampler, its teacher."""
    return {
        "name": setup.name,
        "loss": config.loss.name,
        "settings": loss_settings(config.loss),
        "sampler": config.batch.sampler,
        "teacher": setup.teacher,
    }


def _run_name(setup: Setup) -> str:
    return setup.name.replace(" ", "-")
