"""``python -m train recut``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from edge_runtime.commands.console import say
from train.commands.output import report_result, say_next


def add(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("recut", help="prepared faces in another frame or size, without the photographs")
    command.add_argument("faces", metavar="FACES", type=Path, help="prepared faces")
    command.add_argument("--out", metavar="FOLDER", type=Path, required=True, help="the folder to make")
    command.add_argument("--align", metavar="NAME", required=True, help="the new frame, as for prepare")
    command.add_argument("--size", metavar="PX", type=int, required=True, help="side of the new crops")
    command.add_argument("--jobs", metavar="N", type=int, help="processes to work in (default: one for each core)")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from edge_runtime.errors import UsageError
    from edge_runtime.faces.align import TEMPLATES
    from edge_runtime.towers.preprocess import InputSpec
    from train.prepare.recut import recut_faces
    from train.prepare.workers import available_cores

    InputSpec(size_px=options.size, colour="rgb")
    if options.align not in TEMPLATES:
        raise UsageError(f"unknown template {options.align!r} in --align; known are {', '.join(TEMPLATES)}.")
    jobs = available_cores() if options.jobs is None else options.jobs
    if not 1 <= jobs <= 256:
        raise UsageError(f"--jobs must be from 1 to 256, not {jobs}.")
    template = TEMPLATES[options.align]
    recut = recut_faces(options.faces, options.out, template=template, size_px=options.size, jobs=jobs)
    report = {
        "folder": str(recut.folder),
        "people": recut.people,
        "kept": recut.kept,
        "unreadable": list(recut.unreadable),
    }
    text = f"{'people':<16} {recut.people}\n{'kept':<16} {recut.kept}\n{'unreadable':<16} {len(recut.unreadable)}"
    report_result(report, text, as_json=options.json)
    say(f"written: {recut.folder}")
    say_next("python -m train", "fit", "--data", recut.folder, "--out", "RUN")
    return 0
