"""``python -m export adopt``."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.commands.console import say
from edge_runtime.errors import SiamliteError, UsageError
from export.commands.foreign_options import add_input, add_model, foreign_file, given_input
from export.commands.output import Story
from export.commands.settings_options import add_settings, settings_values

if TYPE_CHECKING:
    from export.pipeline import Exported

# Above this EER something is more likely wrong with the input than with the model.
_DOUBTFUL_EER = 0.2
# Options that are about a conversion.
_CONVERTING = ("recipe", "representative", "representative_list", "keep_float", "or_selective", "layers", "study")


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser("adopt", help="wrap an embedding model that others trained, after measuring it")
    add_model(command)
    add_input(command)
    command.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder of people, photographs or prepared faces: some set the int8 ranges, the others are measured on",
    )
    command.add_argument(
        "--representative", type=Path, metavar="DIR", help="people to set the int8 ranges with, in place of --data"
    )
    command.add_argument("--evaluate", type=Path, metavar="DIR", help="people to measure on, in place of --data")
    add_settings(command)
    command.set_defaults(run=_run, recipe=None)


def _run(options: argparse.Namespace) -> int:
    from export.adoption.adopt import AdoptOptions, adopt_tower
    from export.adoption.given import find_template
    from export.conversion.recipes import DEFAULT_RECIPE

    asked = tuple(f"--{name.replace('_', '-')}" for name in _CONVERTING if getattr(options, name))
    folders = _folders(options)
    values = settings_values(options) | folders | {"recipe": options.recipe or DEFAULT_RECIPE}
    story = Story(as_json=options.json, all_layers=options.layers, remedy=_remedy(options))
    try:
        exported = adopt_tower(
            AdoptOptions(
                source=foreign_file(options),
                given=given_input(options),
                template=find_template(options.align),
                aligned=options.aligned,
                asked=asked,
                **values,
            ),
            watcher=story.watcher(),
        )
    except SiamliteError:
        story.refused()
        raise
    story.written(exported)
    _warn(exported, options)
    return 0


def _folders(options: argparse.Namespace) -> dict[str, Path]:
    evaluate = options.evaluate or options.data
    if evaluate is None:
        raise UsageError("an adopted tower must be measured: give a folder of people with --data DIR.")
    return {"evaluate": evaluate, "representative": options.representative or options.data or evaluate}


def _remedy(options: argparse.Namespace) -> str:
    folder = options.data or options.evaluate
    words = ["python", "-m", "export", "probe", str(options.file), "--data", str(folder)]
    for name in ("input_size", "output", "signature", "converter_python"):
        value = getattr(options, name)
        words += [] if value is None else [f"--{name.replace('_', '-')}", str(value)]
    words += ["--aligned"] if options.aligned else []
    return f"Its colour order, range or alignment may be wrong. Try them all: {shlex.join(words)}"


def _warn(exported: Exported, options: argparse.Namespace) -> None:
    """Say what the adopter should not overlook."""
    eer = exported.result.after.eer
    if eer > _DOUBTFUL_EER and exported.tower.card.operating_point().fnmr <= 0.5:
        say(f"warning: an equal error rate of {100 * eer:.0f} % is poor. {_remedy(options)}")
    if options.licence == "not stated":
        say("note: the card states no licence of the weights. Say it with --licence before you give the file away.")
