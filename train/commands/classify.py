"""``python -m train classify``."""

from __future__ import annotations

import argparse
from typing import Any

from edge_runtime.commands.console import emit, say, table
from edge_runtime.errors import UsageError


def add(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("classify", help="name pictures after one example of each class")
    command.add_argument("pictures", nargs="+", metavar="PICTURE", help="pictures, or folders of them")
    command.add_argument("--tower", required=True, metavar="TOWER", help="a run folder, a .keras or a .tflite file")
    command.add_argument("--examples", required=True, metavar="DIR", help="one folder, or one picture, for each class")
    command.add_argument(
        "--reject-below", type=float, metavar="S", help="similarity below which a picture is of no class"
    )
    command.add_argument("--aligned", action="store_true", help="the pictures are aligned crops already")
    command.add_argument(
        "--score", action="store_true", help="count the right ones: pictures lie in folders of classes"
    )
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from train.apply.embed_files import embed_files, list_pictures
    from train.apply.oneshot import UNKNOWN, embed_examples, find_examples, guess_classes
    from train.measure.evaluate import load_tower

    classes = find_examples(options.examples)
    paths = list_pictures(options.pictures)
    if options.score and not {path.absolute().parent.name for path in paths} & {*classes, UNKNOWN}:
        raise UsageError(
            f"--score: no picture lies in a folder that is named after a class, such as {next(iter(classes))}."
        )
    tower = load_tower(options.tower)
    examples = embed_examples(tower, classes, aligned=options.aligned)
    embedded = embed_files(tower, paths, aligned=options.aligned)
    guesses = guess_classes(embedded, examples, reject_below=options.reject_below)
    if options.json:
        for guess in guesses:
            emit(guess.as_mapping())
        for item in embedded.skipped:
            emit({"picture": str(item.path), "skipped": item.reason})
    else:
        rows = [
            [str(guess.path), guess.answer, f"{guess.similarity:.3f}", guess.second, f"{guess.margin:.3f}"]
            for guess in guesses
        ]
        print(table([["picture", "class", "similarity", "second", "margin"], *rows]))
    for item in embedded.skipped:
        say(f"left out: {item.reason}")
    unknown = sum(not guess.known for guess in guesses)
    say(f"{len(guesses)} pictures, {len(classes)} classes; {unknown} unknown, {len(embedded.skipped)} left out")
    if options.score:
        right = sum(guess.answer == guess.path.absolute().parent.name for guess in guesses)
        say(f"right: {right} of {len(guesses)} ({right / len(guesses):.1%}); by chance {1 / len(classes):.1%}")
    return 0
