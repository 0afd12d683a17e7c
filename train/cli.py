"""The command ``python -m train``: prepare, fit, evaluate."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from typing import Any

from edge_runtime.console import EXIT_INTERRUPTED
from edge_runtime.errors import SiamliteError, UsageError
from train.recipe import DEFAULT_RECIPE, known_recipes


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: The words of the command line after the program's name; ``sys.argv`` if None.

    Returns:
        The exit code: 0 done, 2 usage or input, 3 fault, 130 interrupted.
    """
    options = make_parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    try:
        return int(options.run(options))
    except SiamliteError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted. What is finished is kept; the same command goes on from there.", file=sys.stderr)
        return EXIT_INTERRUPTED


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m train", description="Train a Siamese face tower.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_prepare(commands)
    _add_fit(commands)
    _add_evaluate(commands)
    return parser


def _add_prepare(commands: Any) -> None:
    command = commands.add_parser("prepare", help="cut aligned faces out of photographs")
    command.add_argument("raw", metavar="RAW", help="a folder with one folder of photographs for each person")
    command.add_argument("--out", metavar="FACES", required=True, help="the folder to make")
    command.add_argument("--size", type=int, default=112, metavar="PX", help="side of the crops (default 112)")
    command.add_argument(
        "--min-interocular", type=float, default=16.0, metavar="PX", help="smallest distance of the eyes (default 16)"
    )
    command.add_argument("--min-sharpness", type=float, default=8.0, metavar="X", help="least sharpness (default 8)")
    command.add_argument("--detector", default="full-range", help="full-range (default), short-range or back")
    command.add_argument("--force", action="store_true", help="replace a folder of prepared faces")
    command.add_argument("--json", action="store_true", help="print the report as JSON")
    command.set_defaults(run=_prepare)


def _add_fit(commands: Any) -> None:
    command = commands.add_parser("fit", help="train a tower, or go on with an interrupted training")
    command.add_argument("--data", metavar="DIR", required=True, help="prepared faces, or photographs")
    command.add_argument("--out", metavar="RUN", required=True, help="the run folder")
    recipes = ", ".join(known_recipes())
    command.add_argument(
        "--recipe",
        default=DEFAULT_RECIPE,
        metavar="NAME",
        help=f"{recipes}, or a .toml file (default: {DEFAULT_RECIPE})",
    )
    command.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="settings", help="such as tower.width=32"
    )
    command.add_argument("--epochs", type=int, metavar="N", help="short for --set schedule.epochs=N")
    command.add_argument("--seed", type=int, metavar="N", help="seed of everything that is random")
    command.add_argument("--split", metavar="FILE", help="a split.json to use in place of a new division")
    command.add_argument("--aligned", action="store_true", help="DIR holds aligned crops that other means made")
    command.add_argument("--force", action="store_true", help="replace the run that is there")
    command.add_argument("--json", action="store_true", help="print the metrics as JSON")
    command.set_defaults(run=_fit)


def _add_evaluate(commands: Any) -> None:
    command = commands.add_parser("evaluate", help="measure a tower on people it was not trained on")
    command.add_argument("tower", metavar="TOWER", help="a run folder, a .keras file or a .tflite file")
    command.add_argument("--data", metavar="DIR", required=True, help="prepared faces, or photographs")
    command.add_argument("--people", metavar="A,B", default="", help="only these people")
    command.add_argument("--out", metavar="DIR", help="write metrics.json and pictures here")
    command.add_argument("--force", action="store_true", help="replace what is in the --out folder")
    command.add_argument("--json", action="store_true", help="print the metrics as JSON")
    command.set_defaults(run=_evaluate)


def _prepare(options: argparse.Namespace) -> int:
    from edge_runtime.faces import FaceFinder
    from edge_runtime.preprocess import InputSpec
    from edge_runtime.quality import QualityLimits
    from train.prepare import prepare_faces

    InputSpec(size_px=options.size, colour="rgb")
    limits = QualityLimits(min_interocular_px=options.min_interocular, min_sharpness=options.min_sharpness)
    finder = FaceFinder(size_px=options.size, limits=limits, detector=options.detector)
    prepared = prepare_faces(options.raw, options.out, finder=finder, force=options.force)
    report = {
        "folder": str(prepared.folder),
        "people": prepared.people,
        "kept": prepared.kept,
        "rejected": prepared.reasons,
    }
    rows = [("people", prepared.people), ("kept", prepared.kept), *prepared.reasons.items()]
    _print(report, "\n".join(f"{name:<16} {count}" for name, count in rows), as_json=options.json)
    _say(f"written: {prepared.folder}\nnext: python -m train fit --data {prepared.folder} --out RUN")
    return 0


def _fit(options: argparse.Namespace) -> int:
    from train.recipe import load_config

    settings = list(options.settings)
    if options.epochs is not None:
        settings.append(f"schedule.epochs={options.epochs}")
    config = load_config(options.recipe, settings, seed=options.seed)
    from train.fit import fit

    fitted = fit(
        options.data, options.out, config, split_file=options.split, aligned=options.aligned, force=options.force
    )
    report = {"run": str(fitted.run.root), **fitted.as_mapping()}
    text = f"validation people, best epoch {fitted.best_epoch} of {fitted.epochs}\n{fitted.validation.as_text()}"
    _print(report, text, as_json=options.json)
    _say(f"written: {fitted.run.tower}")
    _say(f"next: python -m export convert {fitted.run.root} --representative {options.data} --out tower.tflite")
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from edge_runtime.files import refuse_overwrite

    if options.out:
        refuse_overwrite(options.out, force=options.force)
    people = [name.strip() for name in options.people.split(",") if name.strip()]
    if options.people and not people:
        raise UsageError("--people takes names with commas between them, such as --people anna,ben")
    from train.evaluate import evaluate, write_evaluation

    evaluation = evaluate(options.tower, options.data, people=people)
    _print(evaluation.as_mapping(), evaluation.result.as_text(), as_json=options.json)
    if options.out:
        for path in write_evaluation(options.out, evaluation):
            _say(f"written: {path}")
    if options.tower.endswith(".tflite"):
        _say(f"next: siamlite enroll NAME --tower {options.tower} --source 0")
    else:
        run = options.tower.removesuffix("/tower.keras")
        _say(f"next: python -m export convert {run} --representative FACES --out tower.tflite")
    return 0


def _print(report: dict[str, Any], text: str, *, as_json: bool) -> None:
    print(json.dumps(report, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) if as_json else text)


def _say(text: str) -> None:
    print(text, file=sys.stderr)
