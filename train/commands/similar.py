"""``python -m train similar``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from edge_runtime.commands.console import say, table
from train.commands.output import report_result


def add(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("similar", help="the pictures of a folder that are most similar to one")
    command.add_argument("picture", metavar="PICTURE", help="what is looked for")
    command.add_argument("--tower", required=True, metavar="TOWER", help="a run folder, a .keras or a .tflite file")
    command.add_argument("--folder", required=True, metavar="DIR", help="where to look, at any depth")
    command.add_argument("--top", type=int, default=10, metavar="N", help="how many (default 10)")
    command.add_argument("--aligned", action="store_true", help="the pictures are aligned crops already")
    command.add_argument("--out", metavar="SHEET.png", help="write a sheet of the pictures here")
    command.add_argument("--force", action="store_true", help="replace the --out file")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from edge_runtime.files import write_bytes
    from train.apply.sheet import check_sheet_path, draw_ranked
    from train.apply.similar import find_similar
    from train.measure.evaluate import load_tower

    if options.out:
        check_sheet_path(options.out, force=options.force)
    tower = load_tower(options.tower)
    ranked = find_similar(tower, Path(options.picture), Path(options.folder), top=options.top, aligned=options.aligned)
    if options.out:
        say(f"written: {write_bytes(options.out, draw_ranked(ranked))}")
    for item in ranked.skipped:
        say(f"left out: {item.reason}")
    rows = [[str(path), f"{similarity:.3f}"] for path, similarity in ranked.found]
    report_result(ranked.as_mapping(), table([["picture", "similarity"], *rows]), as_json=options.json)
    say(f"{ranked.searched} pictures compared, {len(ranked.skipped)} left out")
    return 0
