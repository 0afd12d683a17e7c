"""``python -m train calibrate``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.commands.console import say, table
from edge_runtime.errors import UsageError
from train.commands.evaluate import add_tower_and_data, chosen_people
from train.commands.output import report_result, say_next

if TYPE_CHECKING:
    from train.measure.calibrate import Calibration


def add(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("calibrate", help="find thresholds for target false match rates")
    add_tower_and_data(command)
    command.add_argument("--fmr", metavar="RATE", type=float, action="append", help="target FMR, again for more (1e-3)")
    command.add_argument("--people", metavar="A,B", default="", help="only these people")
    command.add_argument("--max-pictures", metavar="N", type=int, help="draw N pictures, evenly over the people")
    command.add_argument("--out", metavar="FILE", help="write the thresholds as JSON")
    command.add_argument("--force", action="store_true", help="replace the file")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from edge_runtime.files import refuse_overwrite, write_json

    if options.out:
        refuse_overwrite(options.out, force=options.force)
    if options.max_pictures is not None and options.max_pictures < 4:
        raise UsageError(f"--max-pictures must be 4 or more, not {options.max_pictures}.")
    from train.measure.calibrate import calibrate
    from train.measure.data import Choice

    choice = Choice(
        people=chosen_people(options.people),
        part=options.part,
        aligned=options.aligned,
        max_pictures=options.max_pictures,
        seed=options.seed,
    )
    fmrs = options.fmr or [1e-3]
    found = calibrate(options.tower, options.data, fmrs, choice=choice, run=options.run_folder, seed=options.seed)
    report_result(found.as_mapping(), _text(found), as_json=options.json)
    for line in (*found.notes, *(line for one in found.thresholds for line in one.warnings)):
        say(f"note: {line}")
    if options.out:
        say(f"written: {write_json(options.out, found.as_mapping())}")
    lowest = found.thresholds[-1].point.threshold
    tower = Path(options.tower)
    say_next("python -m train", "evaluate", tower, "--data", "OTHER", f"--threshold={lowest:.6f}")
    return 0


def _text(found: Calibration) -> str:
    from train.measure.words import percent

    rows = [
        ["target FMR", "threshold", "FMR", "at most (95 %)", "FNMR", "FMR, others", "FNMR, others", "false matches"]
    ]
    for one in found.thresholds:
        point, held = one.point, one.held_out
        others = ["–", "–"] if held is None else [percent(held.fmr), percent(held.fnmr)]
        rates = [percent(point.fmr), percent(one.fmr_upper), percent(point.fnmr)]
        errors = f"{point.false_matches} of {point.impostor_pairs}"
        rows.append([f"{point.target_fmr:g}", f"{point.threshold:.6f}", *rates, *others, errors])
    head = f"{found.pictures} pictures of {found.people} people"
    tail = "others: each pair judged at the threshold of the people outside its folds"
    return f"{head}\n{table(rows)}\n{tail}"
