"""``python -m train show``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from train.commands.output import refuse_folder, report_result, say_next
from train.commands.recipe_options import add_recipe_options, chosen_config, recipe_words


def add(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("show", help="pictures of the augmentations, of a batch and of pairs")
    command.add_argument("--data", metavar="DIR", required=True, help="prepared faces, or another source of pictures")
    command.add_argument("--out", metavar="DIR", required=True, help="the folder for the pictures")
    add_recipe_options(command)
    command.add_argument("--force", action="store_true", help="replace pictures that are there")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    config = chosen_config(options)
    out = Path(options.out)
    refuse_folder(out, force=options.force)
    from train.batches.show import write_pictures
    from train.data.faces import load_faces

    faces = load_faces(options.data, config.input)
    written = [str(path) for path in write_pictures(out, faces, config)]
    report = {"people": len(faces.people), "pictures": len(faces.names), "written": written}
    report_result(report, "\n".join(written), as_json=options.json)
    say_next("python -m train", "fit", "--data", Path(options.data), *recipe_words(options), "--out", "RUN")
    return 0
