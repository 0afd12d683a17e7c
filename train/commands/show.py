"""``python -m train show``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from edge_runtime.console import say
from train.commands.output import report_result
from train.recipe import DEFAULT_RECIPE, known_recipes


def add(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("show", help="pictures of the augmentations, of a batch and of pairs")
    command.add_argument("--data", metavar="DIR", required=True, help="prepared faces, or another source of pictures")
    command.add_argument("--out", metavar="DIR", required=True, help="the folder for the pictures")
    recipes = ", ".join(known_recipes())
    command.add_argument(
        "--recipe",
        default=DEFAULT_RECIPE,
        metavar="NAME",
        help=f"{recipes}, or a .toml file (default: {DEFAULT_RECIPE})",
    )
    command.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="settings", help="such as augment.blur=0.5"
    )
    command.add_argument("--seed", type=int, metavar="N", help="seed of everything that is random")
    command.add_argument("--force", action="store_true", help="replace pictures that are there")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from edge_runtime.files import refuse_overwrite
    from train.recipe import load_config

    config = load_config(options.recipe, options.settings, seed=options.seed)
    out = Path(options.out)
    refuse_overwrite(out, force=options.force)
    from train.batches.show import write_pictures
    from train.data.faces import load_faces

    faces = load_faces(options.data, config.input)
    written = [str(path) for path in write_pictures(out, faces, config)]
    report = {"people": len(faces.people), "pictures": len(faces.names), "written": written}
    report_result(report, "\n".join(written), as_json=options.json)
    say(f"next: python -m train fit --data {options.data} --recipe {options.recipe} --out RUN")
    return 0
