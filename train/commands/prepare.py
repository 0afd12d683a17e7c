"""``python -m train prepare``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from edge_runtime.commands.console import say
from train.commands.output import report_result, say_next


def add(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("prepare", help="cut aligned faces out of photographs, audit faces")
    command.add_argument(
        "raw", metavar="RAW", help="one folder of photographs for each person, in a folder or an archive"
    )
    command.add_argument("--out", metavar="FACES", help="the folder to make")
    command.add_argument("--size", type=int, default=112, metavar="PX", help="side of the crops (default 112)")
    command.add_argument(
        "--min-interocular", type=float, default=16.0, metavar="PX", help="smallest distance of the eyes (default 16)"
    )
    command.add_argument("--min-sharpness", type=float, default=8.0, metavar="X", help="least sharpness (default 8)")
    command.add_argument(
        "--detector", default="auto", help="auto (default), full-range, short-range, back or yunet:FILE.onnx"
    )
    command.add_argument(
        "--align",
        metavar="NAME",
        help="where the face lies in the crops: eyes-nose-mouth (default), wide, dlib-chip, dlib-close, dlib-chip-four",
    )
    command.add_argument("--jobs", type=int, metavar="N", help="processes to work in (default: one for each core)")
    command.add_argument(
        "--audit", action="store_true", help="look for copies and wrong names; without --out in RAW, prepared before"
    )
    command.add_argument("--tower", metavar="TOWER", help="for --audit: run folder, .keras or .tflite to compare with")
    command.add_argument("--against", metavar="OTHER", help="for --audit: prepared faces that may share people")
    command.add_argument("--force", action="store_true", help="replace prepared faces, or an audit")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from edge_runtime.errors import UsageError
    from train.prepare.audit_report import refuse_audit

    if not options.audit and (options.tower or options.against):
        raise UsageError("--tower and --against belong to --audit. Add it: python -m train prepare … --audit")
    if options.out is not None:
        report, text, folder = _prepare(options)
    elif options.audit:
        report, text, folder = {}, "", Path(options.raw)
        refuse_audit(folder, force=options.force)
    else:
        raise UsageError("--out is missing: the folder to make. Only --audit of prepared faces needs none.")
    written = [folder] if options.out is not None else []
    if options.audit:
        found, words, files = _audit(options, folder)
        report["audit"] = found
        text = f"{text}\n\n{words}" if text else words
        written += files
    report_result(report, text, as_json=options.json)
    say("\n".join(f"written: {path}" for path in written))
    say_next("python -m train", "fit", "--data", folder, "--out", "RUN")
    return 0


def _prepare(options: argparse.Namespace) -> tuple[dict[str, Any], str, Path]:
    from edge_runtime.errors import UsageError
    from edge_runtime.faces.align import DEFAULT_TEMPLATE, TEMPLATES
    from edge_runtime.faces.finder import FaceFinder
    from edge_runtime.faces.quality import QualityLimits
    from edge_runtime.towers.preprocess import InputSpec
    from train.prepare.faces import prepare_faces
    from train.prepare.workers import available_cores

    InputSpec(size_px=options.size, colour="rgb")
    limits = QualityLimits(min_interocular_px=options.min_interocular, min_sharpness=options.min_sharpness)
    name = DEFAULT_TEMPLATE.name if options.align is None else options.align
    if name not in TEMPLATES:
        raise UsageError(f"unknown template {name!r} in --align; known are {', '.join(TEMPLATES)}.")
    finder = FaceFinder(size_px=options.size, template=TEMPLATES[name], limits=limits, detector=options.detector)
    jobs = available_cores() if options.jobs is None else options.jobs
    prepared = prepare_faces(options.raw, options.out, finder=finder, force=options.force, jobs=jobs)
    report = {
        "folder": str(prepared.folder),
        "people": prepared.people,
        "kept": prepared.kept,
        "rejected": prepared.reasons,
    }
    rows = [("people", prepared.people), ("kept", prepared.kept), *prepared.reasons.items()]
    return report, "\n".join(f"{name:<16} {count}" for name, count in rows), prepared.folder


def _audit(options: argparse.Namespace, folder: Path) -> tuple[dict[str, Any], str, list[Path]]:
    from train.prepare.audit import audit_faces
    from train.prepare.audit_report import audit_mapping, audit_text, write_audit

    audit = audit_faces(folder, tower=options.tower, against=options.against)
    return audit_mapping(audit), audit_text(audit), write_audit(folder, audit)
