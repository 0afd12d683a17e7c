"""``python -m train fit``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from edge_runtime.commands.console import say
from train.commands.output import report_result, say_next
from train.commands.recipe_options import add_recipe_options, chosen_config


def add(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("fit", help="train a tower, or go on with an interrupted training")
    command.add_argument("--data", metavar="DIR", required=True, help="prepared faces, or photographs")
    command.add_argument("--out", metavar="RUN", required=True, help="the run folder")
    add_recipe_options(command)
    command.add_argument("--epochs", type=int, metavar="N", help="short for --set schedule.epochs=N")
    command.add_argument("--split", metavar="FILE", help="a split.json to use in place of a new division")
    command.add_argument("--aligned", action="store_true", help="DIR holds aligned crops that other means made")
    command.add_argument("--force", action="store_true", help="replace the run that is there")
    command.add_argument(
        "--devices", type=int, metavar="N", help="devices of this machine (default: all GPUs, or the CPU as one)"
    )
    command.add_argument(
        "--worker-wait",
        type=float,
        default=300.0,
        metavar="SECONDS",
        help="how long to wait for the other workers that TF_CONFIG names (default: 300)",
    )
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    config = chosen_config(options, *([] if options.epochs is None else [f"schedule.epochs={options.epochs}"]))
    from train.fitting.fit import fit

    fitted = fit(
        options.data,
        options.out,
        config,
        split_file=options.split,
        aligned=options.aligned,
        force=options.force,
        devices=options.devices,
        wait_s=options.worker_wait,
    )
    if fitted is None:
        say("done: the first worker writes the run")
        return 0
    report = {"run": str(fitted.run.root), **fitted.as_mapping()}
    if fitted.validation is None:
        how = f"in {fitted.epochs} epochs" if fitted.epochs else "without epochs"
        text = f"trained on everyone, {how}; measure it on other people: python -m train evaluate"
    else:
        text = f"validation people, best epoch {fitted.best_epoch} of {fitted.epochs}\n{fitted.validation.as_text()}"
    say(f"{fitted.seconds:.0f} s of training, {fitted.waiting:.1%} of them waiting for batches")
    report_result(report, text, as_json=options.json)
    say(f"written: {fitted.run.tower}")
    _say_next(fitted.run, options)
    return 0


def _say_next(run: Any, options: argparse.Namespace) -> None:
    from train.data.sources.open import needs_preparing
    from train.fitting.run import read_description
    from train.measure.towers import read_training

    description, data = read_description(run), Path(options.data)
    validated = bool(read_training(run).split.validation)
    cut_out = not options.aligned and needs_preparing(options.data)
    if description["template"] is None or description["split"]["by"] == "pictures" or not (cut_out or data.is_dir()):
        # It is no tower for strangers' faces, or export could not read its pictures out of their archive.
        part = ["--part", "validation"] if validated else []
        aligned = ["--aligned"] if options.aligned else []
        words = ["--data", data if validated else "OTHER", *part, *aligned, "--out", "REPORT"]
        say_next("python -m train", "evaluate", run.root, *words)
        return
    # Of photographs the run holds the faces that were cut out of them.
    faces = run.faces if cut_out else data
    others = [] if validated else ["--evaluate", "OTHER"]
    say_next("python -m export", "convert", run.root, "--representative", faces, *others, "--out", "tower.tflite")
