"""``python -m export restate``."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from edge_runtime.commands.console import emit, say


def add(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("restate", help="write a tower file again with other words in its card")
    command.add_argument("tower", type=Path, metavar="TOWER", help="the .tflite file")
    command.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .tflite file to write")
    command.add_argument("--name", help="what the card calls the tower (as before)")
    command.add_argument("--licence", help="licence of the weights (as before)")
    command.add_argument(
        "--measured-on", metavar="TEXT", help="what the pictures were that error rates were measured on (as before)"
    )
    command.add_argument("--limits-text", metavar="TEXT", help="what else the card says of the tower's limits")
    command.add_argument("--force", action="store_true", help="replace an existing file")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from edge_runtime.files import refuse_overwrite
    from export.delivery.bundle import refuse_unwritable
    from export.delivery.restating import Words, restate_file

    refuse_unwritable(options.out)
    refuse_overwrite(options.out, force=options.force)
    words = Words(
        name=options.name,
        licence=options.licence,
        measured_on=options.measured_on,
        limits_text=options.limits_text,
    )
    restated = restate_file(options.tower, options.out, words)
    card = restated.tower.card
    if options.json:
        emit({"path": str(options.out), "name": card.name, "licence": card.licence, "limits": card.limits})
    else:
        print(f"wrote {options.out} ({options.out.stat().st_size / 1024:.0f} KiB); model and golden vectors as before")
    if restated.was_signed:
        say("note: the signature was of the old card and is gone.")
        say(f"next: python -m export sign {shlex.quote(str(options.out))} --key KEY")
    else:
        say(f"next: python -m export card {shlex.quote(str(options.out))}")
    return 0
