"""``python -m train evaluate``."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from edge_runtime.commands.console import say
from edge_runtime.errors import UsageError
from train.commands.output import refuse_folder, report_result, say_next


def add(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("evaluate", help="measure a tower on people it was not trained on")
    add_tower_and_data(command)
    command.add_argument("--people", metavar="A,B", default="", help="only these people")
    command.add_argument("--max-pictures", metavar="N", type=int, help="draw N pictures, evenly over the people")
    command.add_argument("--pairs", metavar="FILE", help="measure a list of pairs too, such as LFW's pairs.txt")
    command.add_argument("--threshold", metavar="S", type=float, help="judge at this similarity, not the tower's own")
    command.add_argument("--ways", metavar="N", type=int, help="classes in a one-shot trial (20, or all if fewer)")
    command.add_argument("--shots", metavar="K", type=int, default=1, help="examples of each class (1)")
    command.add_argument("--trials", metavar="N", type=int, default=400, help="one-shot trials (400)")
    command.add_argument("--tags", metavar="CSV", help="error rates by group: person (or picture) and tag columns")
    command.add_argument("--min-pairs", metavar="N", type=int, default=100, help="impostor pairs a group needs (100)")
    command.add_argument("--min-genuine", metavar="N", type=int, default=30, help="genuine pairs a group needs (30)")
    command.add_argument("--resamples", metavar="N", type=int, default=200, help="resamples of the intervals (200)")
    command.add_argument("--out", metavar="DIR", help="write metrics.json, plots, CSV files and report.html here")
    command.add_argument("--pictures", action="store_true", help="show the worst pairs' faces in the report")
    command.add_argument("--force", action="store_true", help="replace what is in the --out folder")
    command.set_defaults(run=_run)


def add_tower_and_data(command: Any) -> None:
    """Add what every command that measures takes: the tower, the data and the part of it."""
    command.add_argument("tower", metavar="TOWER", help="a run folder, a .keras file or a .tflite file")
    command.add_argument("--data", metavar="SOURCE", required=True, help="prepared faces, photographs, or another set")
    command.add_argument("--run", metavar="RUN", dest="run_folder", help="the run that a .tflite file comes from")
    command.add_argument("--part", choices=("validation", "test"), help="only that part of the run's own division")
    command.add_argument("--aligned", action="store_true", help="SOURCE holds aligned crops that other means made")
    command.add_argument("--seed", metavar="N", type=int, default=0, help="seed of all that is drawn (0)")


def chosen_people(text: str) -> list[str]:
    """The names that ``--people`` gives.

    Raises:
        UsageError: There is a text, but no name in it.
    """
    people = [name.strip() for name in text.split(",") if name.strip()]
    if text and not people:
        raise UsageError("--people takes names with commas between them, such as --people anna,ben")
    return people


def _run(options: argparse.Namespace) -> int:
    if options.out:
        refuse_folder(options.out, force=options.force)
    if options.pictures and not options.out:
        raise UsageError("--pictures shows faces in the report, which needs --out DIR.")
    people = chosen_people(options.people)
    if options.max_pictures is not None and options.max_pictures < 4:
        raise UsageError(f"--max-pictures must be 4 or more, not {options.max_pictures}.")
    from train.measure.data import Choice
    from train.measure.evaluate import Protocol, evaluate
    from train.measure.report import write_evaluation
    from train.measure.words import as_text, limits

    choice = Choice(
        people=people,
        part=options.part,
        aligned=options.aligned,
        max_pictures=options.max_pictures,
        seed=options.seed,
    )
    protocol = Protocol(
        threshold=options.threshold,
        pairs=options.pairs,
        tags=options.tags,
        min_impostor=options.min_pairs,
        min_genuine=options.min_genuine,
        ways=options.ways,
        shots=options.shots,
        trials=options.trials,
        resamples=options.resamples,
        seed=options.seed,
    )
    evaluation = evaluate(options.tower, options.data, choice=choice, protocol=protocol, run=options.run_folder)
    report_result(evaluation.as_mapping(), as_text(evaluation), as_json=options.json)
    for line in limits(evaluation):
        say(f"note: {line}")
    if options.out:
        command = shlex.join(["python", "-m", "train", *sys.argv[1:]])
        for path in write_evaluation(options.out, evaluation, command=command, pictures=options.pictures):
            say(f"written: {path}")
    _say_next(options)
    return 0


def _say_next(options: argparse.Namespace) -> None:
    if options.tower.endswith(".tflite"):
        say_next("siamlite", "enroll", "NAME", "--tower", Path(options.tower), "--source", "0")
        return
    run = Path(options.tower.removesuffix("/tower.keras"))
    say_next("python -m export", "convert", run, "--representative", "FACES", "--out", "tower.tflite")
