"""``python -m export probe``."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.commands.console import emit, say
from edge_runtime.errors import UsageError
from export.commands.foreign_options import add_model, foreign_file

if TYPE_CHECKING:
    from export.adoption.probe import ProbeRow


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "probe", help="try which colour order, range and alignment a model of others was trained with"
    )
    add_model(command)
    command.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of people to try it on")
    command.add_argument("--pictures", type=int, default=400, metavar="N", help="how many of them to use (400)")
    command.add_argument("--runtime", metavar="NAME", help="interpreter for .tflite files: litert or tflite-runtime")
    command.add_argument("--seed", type=int, default=0, metavar="N", help="chooses the pictures (0)")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from export.adoption.probe import probe, probe_table

    if options.pictures < 1:
        raise UsageError(f"--pictures must be at least 1, not {options.pictures}; 400 are usual.")
    if options.seed < 0:
        raise UsageError(f"--seed must not be negative, but is {options.seed}.")
    rows = probe(
        foreign_file(options),
        options.data,
        size_px=options.input_size,
        align=options.align,
        aligned=options.aligned,
        pictures=options.pictures,
        seed=options.seed,
        family=options.runtime,
    )
    if options.json:
        emit({"rows": [asdict(row) for row in rows]})
        return 0
    print(probe_table(rows))
    if rows[0].eer is None:
        say("warning: in no way does this model tell people apart; perhaps another --output is the embedding.")
    else:
        print(f"\nnext: {_adopt(options, rows[0])}")
    return 0


def _adopt(options: argparse.Namespace, best: ProbeRow) -> str:
    align = options.align or best.template
    words = ["python", "-m", "export", "adopt", str(options.file), "--data", str(options.data)]
    words += ["--colour", best.colour, "--range", best.range_name, "--align", align]
    for name in ("input_size", "output", "signature", "converter_python"):
        value = getattr(options, name)
        words += [] if value is None else [f"--{name.replace('_', '-')}", str(value)]
    words += ["--aligned"] if options.aligned else []
    return shlex.join([*words, "--out", "tower.tflite"])
