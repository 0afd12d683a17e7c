"""``python -m train evaluate``."""

from __future__ import annotations

import argparse
from typing import Any

from edge_runtime.console import say
from edge_runtime.errors import UsageError
from train.commands.output import report_result


def add(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("evaluate", help="measure a tower on people it was not trained on")
    command.add_argument("tower", metavar="TOWER", help="a run folder, a .keras file or a .tflite file")
    command.add_argument("--data", metavar="DIR", required=True, help="prepared faces, or photographs")
    command.add_argument("--people", metavar="A,B", default="", help="only these people")
    command.add_argument("--out", metavar="DIR", help="write metrics.json and pictures here")
    command.add_argument("--force", action="store_true", help="replace what is in the --out folder")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from edge_runtime.files import refuse_overwrite

    if options.out:
        refuse_overwrite(options.out, force=options.force)
    people = [name.strip() for name in options.people.split(",") if name.strip()]
    if options.people and not people:
        raise UsageError("--people takes names with commas between them, such as --people anna,ben")
    from train.measure.evaluate import evaluate, write_evaluation

    evaluation = evaluate(options.tower, options.data, people=people)
    report_result(evaluation.as_mapping(), evaluation.result.as_text(), as_json=options.json)
    if options.out:
        for path in write_evaluation(options.out, evaluation):
            say(f"written: {path}")
    if options.tower.endswith(".tflite"):
        say(f"next: siamlite enroll NAME --tower {options.tower} --source 0")
    else:
        run = options.tower.removesuffix("/tower.keras")
        say(f"next: python -m export convert {run} --representative FACES --out tower.tflite")
    return 0
