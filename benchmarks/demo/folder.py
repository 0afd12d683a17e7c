"""A demo's options and its folder: begun anew, or gone on with."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from edge_runtime.commands.console import say
from edge_runtime.errors import UsageError
from edge_runtime.files import read_json, write_json


def add_options(parser: argparse.ArgumentParser, *, out: Path, seed_is: str) -> None:
    """The options of every demo.

    Args:
        parser: Takes them.
        out: The default folder.
        seed_is: What the seed is for, in words.
    """
    parser.add_argument("--out", type=Path, default=out, help=f"folder for everything (default: {out.name})")
    parser.add_argument("--wheels", type=Path, help="folder with the wheels, for use without network")
    parser.add_argument("--seed", type=int, default=1, help=f"{seed_is} (default: 1)")
    parser.add_argument("--visitors", type=int, default=10, help="people in the video, half of them enrolled")
    parser.add_argument("--json", action="store_true", help="print the result as JSON on standard output")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")


def begin(out: Path, settings: dict[str, Any]) -> None:
    """Go on with a demo that was interrupted; start anew after a finished one or with other settings.

    Args:
        out: The demo's folder.
        settings: What decides the outcome.

    Raises:
        UsageError: The folder holds something else than a demo.
    """
    mark = out / "settings.json"
    if out.exists() and any(out.iterdir()):
        if not mark.exists():
            raise UsageError(f"{out} holds something else than a demo. Choose another folder with --out.")
        if (out / "report.html").exists() or read_json(mark, what="the demo's settings") != settings:
            say(f"starting anew: removing {out}")
            shutil.rmtree(out)
    write_json(mark, settings)
