"""``python -m export recipes``."""

from __future__ import annotations

import argparse
from typing import Any

from edge_runtime.commands.console import emit


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser("recipes", help="list the ways to quantize a tower")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from export.gate.tables import recipes_json, recipes_table

    if options.json:
        emit(recipes_json())
    else:
        print(recipes_table())
    return 0
