"""``python -m train compare``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from edge_runtime.commands.console import EXIT_OK, EXIT_REFUSED, say
from train.commands.output import report_result


def add(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("compare", help="are two pictures of one person? exit 0 same, 1 different")
    command.add_argument("first", metavar="A", help="a picture")
    command.add_argument("second", metavar="B", help="another")
    command.add_argument("--tower", required=True, metavar="TOWER", help="a run folder, a .keras or a .tflite file")
    command.add_argument("--threshold", type=float, metavar="S", help="similarity from which they count as one")
    command.add_argument("--fmr", type=float, metavar="RATE", help="which of a .tflite card's thresholds")
    command.add_argument("--aligned", action="store_true", help="the pictures are aligned crops already")
    command.add_argument("--out", metavar="PAIR.png", help="write a picture of the two faces and the verdict here")
    command.add_argument("--force", action="store_true", help="replace the --out file")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from edge_runtime.files import write_bytes
    from train.apply.compare import compare_pictures
    from train.apply.sheet import check_sheet_path, draw_comparison
    from train.apply.threshold import choose_threshold
    from train.measure.evaluate import load_tower

    if options.out:
        check_sheet_path(options.out, force=options.force)
    threshold = choose_threshold(options.tower, threshold=options.threshold, fmr=options.fmr)
    first, second = Path(options.first), Path(options.second)
    result = compare_pictures(load_tower(options.tower), first, second, threshold=threshold, aligned=options.aligned)
    if options.out:
        say(f"written: {write_bytes(options.out, draw_comparison(result))}")
    report_result(result.as_mapping(), result.as_text(), as_json=options.json)
    return EXIT_OK if result.same else EXIT_REFUSED
