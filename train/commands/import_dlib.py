"""``python -m train import-dlib``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from edge_runtime.commands.console import say
from edge_runtime.errors import UsageError
from edge_runtime.files import refuse_overwrite
from train.commands.dlib_source import add_dlib_source
from train.commands.output import report_result, say_next

_RUN_MARK = "config.json"


def add(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("import-dlib", help="dlib's public-domain face network as a tower, without dlib")
    command.add_argument("--out", metavar="FOLDER", type=Path, required=True, help="the folder to make")
    add_dlib_source(command, "dlib_face_recognition_resnet_model_v1.dat")
    command.add_argument(
        "--centre",
        metavar="SHARE",
        type=float,
        default=0.0,
        help="take this share of the mean descriptor off, 0 to 1 (default 0: dlib's own numbers)",
    )
    command.add_argument("--force", action="store_true", help="replace what is in the folder")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from train.dlib_files.fetch import FACE_NETWORK, fetch_member

    if not 0 <= options.centre <= 1:
        raise UsageError(f"--centre must be from 0 to 1, not {options.centre}.")
    # What is wrong with the paths is said before TensorFlow is loaded.
    _refuse_folder(options.out, force=options.force)
    data = fetch_member(FACE_NETWORK, file=options.file, archive=options.archive)

    from train.dlib_files.folder import LICENCE_NAME, MAKER, write_port
    from train.dlib_files.port import port_tower, tower_spec
    from train.dlib_files.resnet import read_resnet

    network = read_resnet(data, name=str(options.file or FACE_NETWORK.file_name))
    tower, spec = port_tower(network, centre_share=options.centre), tower_spec(network)
    origin = write_port(options.out, tower, spec, member=FACE_NETWORK, centre_share=options.centre)
    report = {"folder": str(options.out), "parameters": int(tower.count_params()), **origin}
    made = origin["tower"]
    text = (
        f"tower       {made['file']}, {spec.size_px}×{spec.size_px} {spec.colour}, {report['parameters']} parameters, "
        f"{made['embedding_length']} numbers\n"
        f"weights     {origin['weights']['file']} by {MAKER}\n"
        f"licence     {LICENCE_NAME}"
    )
    report_result(report, text, as_json=options.json)
    say(f"written: {options.out}")
    _say_adopt(options.out)
    return 0


def _refuse_folder(folder: Path, *, force: bool) -> None:
    """Refuse a folder that holds something; even if forced, a file or a training run."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; --out takes a folder. Choose another --out.")
    refuse_overwrite(folder, force=force)
    if (folder / _RUN_MARK).exists():
        raise UsageError(f"{folder} holds a run, which --force does not replace here. Choose another --out.")


def _say_adopt(folder: Path) -> None:
    from train.dlib_files.folder import LICENCE_NAME, TOWER
    from train.towers.beside import ALIGNMENT

    files = {"--align": folder / ALIGNMENT, "--out": folder / "tower.tflite"}
    words: list[str | Path] = ["adopt", folder / TOWER, "--data", "PEOPLE", "--licence", LICENCE_NAME]
    for option, path in files.items():
        words += [option, path]
    say_next("python -m export", *words, "--name", "dlib-resnet")
