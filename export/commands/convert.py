"""``python -m export convert``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from edge_runtime.errors import SiamliteError
from export.commands.output import Story
from export.commands.settings_options import add_settings, settings_values


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser("convert", help="convert a tower, prove it against its float original, write it")
    command.add_argument("folder", type=Path, metavar="RUN", help="folder that `python -m train fit` wrote")
    command.add_argument(
        "--representative",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of people, prepared faces or plain photographs, to set the int8 ranges with",
    )
    command.add_argument(
        "--evaluate",
        type=Path,
        metavar="DIR",
        help="people to measure the gate and the thresholds on (default: the run's validation people)",
    )
    add_settings(command)
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from export.pipeline import ExportOptions, export_tower

    story = Story(as_json=options.json, all_layers=options.layers)
    try:
        exported = export_tower(ExportOptions(run=options.folder, **settings_values(options)), watcher=story.watcher())
    except SiamliteError:
        story.refused()
        raise
    story.written(exported)
    return 0
