"""``python -m train import-landmarks``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from edge_runtime.commands.console import say
from edge_runtime.files import refuse_overwrite, sha256_bytes, write_bytes
from train.commands.dlib_source import add_dlib_source
from train.commands.output import report_result


def add(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("import-landmarks", help="make the device's landmark refiner again from dlib's trees")
    command.add_argument("--out", metavar="FILE", type=Path, required=True, help="the .npz file to write")
    add_dlib_source(command, "shape_predictor_5_face_landmarks.dat")
    command.add_argument("--force", action="store_true", help="replace the file")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from edge_runtime.faces.align import REFINER_SHA256
    from edge_runtime.faces.trees import trees_to_bytes
    from train.dlib_files.fetch import fetch_member
    from train.dlib_files.shape import FIVE_POINTS, read_predictor, smaller_trees

    refuse_overwrite(options.out, force=options.force)
    data = fetch_member(FIVE_POINTS, file=options.file, archive=options.archive)
    trees = smaller_trees(read_predictor(data, name=str(options.file or FIVE_POINTS.file_name)))
    made = trees_to_bytes(trees)
    digest = sha256_bytes(made)
    stages, count = trees.thresholds.shape[:2]
    report = {
        "file": str(options.out),
        "bytes": len(made),
        "sha256": digest,
        "pinned": digest == REFINER_SHA256,
        "stages": stages,
        "trees": stages * count,
        "made_from": {"file": FIVE_POINTS.file_name, "sha256": FIVE_POINTS.sha256},
    }
    write_bytes(options.out, made)
    same = "the refiner that this siamlite carries" if report["pinned"] else "another one than this siamlite carries"
    text = f"trees    {stages * count} in {stages} stages, {len(made)} bytes\nsha256   {digest}: {same}"
    report_result(report, text, as_json=options.json)
    say(f"written: {options.out}")
    return 0
