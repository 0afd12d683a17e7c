"""``python -m train prepare``."""

from __future__ import annotations

import argparse
from typing import Any

from edge_runtime.console import say
from train.commands.output import report_result


def add(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("prepare", help="cut aligned faces out of photographs")
    command.add_argument("raw", metavar="RAW", help="a folder with one folder of photographs for each person")
    command.add_argument("--out", metavar="FACES", required=True, help="the folder to make")
    command.add_argument("--size", type=int, default=112, metavar="PX", help="side of the crops (default 112)")
    command.add_argument(
        "--min-interocular", type=float, default=16.0, metavar="PX", help="smallest distance of the eyes (default 16)"
    )
    command.add_argument("--min-sharpness", type=float, default=8.0, metavar="X", help="least sharpness (default 8)")
    command.add_argument("--detector", default="full-range", help="full-range (default), short-range or back")
    command.add_argument("--jobs", type=int, metavar="N", help="processes to work in (default: one for each core)")
    command.add_argument("--force", action="store_true", help="replace a folder of prepared faces")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from edge_runtime.faces import FaceFinder
    from edge_runtime.preprocess import InputSpec
    from edge_runtime.quality import QualityLimits
    from train.prepare.faces import prepare_faces
    from train.prepare.workers import available_cores

    InputSpec(size_px=options.size, colour="rgb")
    limits = QualityLimits(min_interocular_px=options.min_interocular, min_sharpness=options.min_sharpness)
    finder = FaceFinder(size_px=options.size, limits=limits, detector=options.detector)
    jobs = available_cores() if options.jobs is None else options.jobs
    prepared = prepare_faces(options.raw, options.out, finder=finder, force=options.force, jobs=jobs)
    report = {
        "folder": str(prepared.folder),
        "people": prepared.people,
        "kept": prepared.kept,
        "rejected": prepared.reasons,
    }
    rows = [("people", prepared.people), ("kept", prepared.kept), *prepared.reasons.items()]
    report_result(report, "\n".join(f"{name:<16} {count}" for name, count in rows), as_json=options.json)
    say(f"written: {prepared.folder}\nnext: python -m train fit --data {prepared.folder} --out RUN")
    return 0
