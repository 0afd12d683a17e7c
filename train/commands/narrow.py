"""``python -m train narrow``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.commands.console import say
from edge_runtime.errors import DataError, UsageError
from train.commands.output import report_result, say_next

if TYPE_CHECKING:
    from edge_runtime.faces.align import AlignmentTemplate
    from train.data.faces import FaceSet
    from train.measure.towers import LoadedTower


def add(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("narrow", help="dlib's network with fewer channels, as a beginning for training")
    command.add_argument("tower", metavar="TOWER", type=Path, help=".keras file of import-dlib, or of the same kind")
    command.add_argument("--data", metavar="FACES", type=Path, required=True, help="prepared faces, cut for TOWER")
    command.add_argument("--out", metavar="FILE", type=Path, required=True, help="the .keras file to write")
    command.add_argument(
        "--streams", metavar="N,N,…", required=True, help="channels of the stream to keep in each stage"
    )
    command.add_argument(
        "--inner",
        metavar="N,N,…",
        required=True,
        help="channels to keep inside the blocks of each stage",
    )
    command.add_argument("--size", metavar="PX", type=int, help="another input size (default: TOWER's)")
    command.add_argument("--align", metavar="NAME", help="how faces are cut for it (default: as for TOWER)")
    command.add_argument("--pictures", metavar="N", type=int, default=1024, help="faces to judge by (1024)")
    command.add_argument("--seed", metavar="N", type=int, default=0, help="which faces (0)")
    command.add_argument("--no-repair", action="store_true", help="only leave channels out; solve no layer anew")
    command.add_argument(
        "--evaluate", metavar="FACES2", type=Path, help="measure on these too: faces of other people, cut for TOWER"
    )
    command.add_argument("--force", action="store_true", help="replace what is there")
    command.set_defaults(run=_run)


def _numbers(option: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"{option} takes whole numbers with commas between them, not {text!r}.") from error


def _run(options: argparse.Namespace) -> int:
    from train.narrow.deliver import refuse_beside

    if options.tower.suffix != ".keras":
        raise UsageError(
            f"a .keras file is needed, not {options.tower}. Make one: python -m train import-dlib --out DIR"
        )
    if not 16 <= options.pictures <= 100_000:
        raise UsageError(f"--pictures must be from 16 to 100000, not {options.pictures}.")
    options.streams = _numbers("--streams", options.streams)
    options.inner = _numbers("--inner", options.inner)
    refuse_beside(options.out, force=options.force)
    template = None if options.align is None else _template(options.align)

    from train.measure.towers import load_tower

    wide = load_tower(options.tower)
    faces = _drawn(_faces(options.data, options, wide), options)
    report = _narrow(options, wide, faces, wide.template if template is None else template)
    text = "\n".join(
        [
            f"{'parameters':<16} {report['parameters']} of {report['parameters_before']}",
            f"{'multiplications':<16} {report['macs'] / 1e6:.1f} M of {report['macs_before'] / 1e6:.1f} M",
            *(
                f"{layer['layer']:<16} error {layer['before']:.3g} before, {layer['after']:.3g} after"
                for layer in report["repaired"]
            ),
            *report.pop("said"),
        ]
    )
    report_result(report, text, as_json=options.json)
    say(f"written: {options.out}")
    settings = [f"--set=tower.weights={options.out}", f"--set=input.size_px={report['size_px']}"]
    say_next("python -m train", "fit", "--recipe", "small", *settings, "--data", "FACES", "--out", "RUN")
    return 0


def _template(name: str) -> AlignmentTemplate:
    from edge_runtime.faces.align import TEMPLATES

    if name not in TEMPLATES:
        raise UsageError(f"unknown template {name!r} in --align; known are {', '.join(TEMPLATES)}.")
    return TEMPLATES[name]


def _faces(folder: Path, options: argparse.Namespace, wide: LoadedTower) -> FaceSet:
    """Faces that are cut as the wide tower expects."""
    from train.data.faces import load_faces

    faces = load_faces(folder, wide.colours)
    if wide.template is None or faces.template is None or not wide.template.aligns_like(faces.template):
        raise DataError(
            f"{folder} is cut in another way than {options.tower} expects. Cut it again: python -m train recut "
            f"{folder} --out CUT --align {'NAME' if wide.template is None else wide.template.name} "
            f"--size {wide.spec.size_px}"
        )
    return faces


def _drawn(faces: FaceSet, options: argparse.Namespace) -> FaceSet:
    """Some of the faces."""
    import numpy as np

    count = min(options.pictures, len(faces.labels))
    rows = np.sort(np.random.default_rng(options.seed).choice(len(faces.labels), count, replace=False))
    return faces.take(rows)


def _narrow(
    options: argparse.Namespace, wide: LoadedTower, faces: FaceSet, template: AlignmentTemplate | None
) -> dict[str, Any]:
    from dataclasses import asdict, replace
    from functools import partial

    import numpy as np
    from tqdm import tqdm

    from train.keras_quietly import load_keras
    from train.narrow.deliver import Judges, write_narrowed
    from train.narrow.narrow import at_size, narrow, narrower
    from train.narrow.rates import Rates, refuse_shared
    from train.narrow.repair import repair
    from train.towers.dlib_resnet import build_resnet, read_shape
    from train.towers.macs import count_macs

    if template is None:
        raise UsageError(f"{options.tower} does not say how its faces are cut. Say it: --align NAME")
    network = load_keras(options.tower)
    wanted = narrower(read_shape(network), streams=options.streams, inner=options.inner)
    size_px = options.size or wide.spec.size_px
    spec = replace(wide.spec, size_px=size_px)
    # What cannot be built is said before minutes of solving.
    build_resnet(replace(wanted, size_px=size_px))
    pixels = np.asarray(faces.pixels)
    measured = None if options.evaluate is None else _faces(options.evaluate, options, wide)
    if measured is not None:
        refuse_shared(faces, measured)
    rates = Rates(measured, wide.spec)
    rates.measure("wide", network)
    narrowed = narrow(network, wanted, pixels)
    rates.measure("narrowed", narrowed.tower)
    solved = []
    if not options.no_repair:
        watch = partial(tqdm, desc="solving", unit="block", disable=not sys.stderr.isatty())
        solved = repair(narrowed, network, pixels, watch=watch)
        rates.measure("repaired", narrowed.tower)
    tower = at_size(narrowed, size_px)
    origin = write_narrowed(
        options.out,
        tower,
        spec,
        template=template,
        wide=options.tower,
        judges=Judges(pictures=len(pixels), sha256=faces.sha256),
        repaired=not options.no_repair,
    )
    return {
        "file": str(options.out),
        "size_px": size_px,
        "parameters": int(tower.count_params()),
        "parameters_before": int(network.count_params()),
        "macs": count_macs(tower),
        "macs_before": count_macs(network),
        "repaired": [asdict(layer) for layer in solved],
        "rates": {stage: held.as_mapping() for stage, held in rates.found.items()},
        "said": rates.as_lines(),
        **origin,
    }
