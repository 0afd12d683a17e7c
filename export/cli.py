"""The command ``python -m export``."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.console import emit, run_command, say
from export.commands import preflight

if TYPE_CHECKING:
    from export.gate.judge import GateResult
    from export.pipeline import Exported


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments; those of the process if None.

    Returns:
        Exit code: 0 written, 1 the gate says no, 2 usage or input, 3 fault, 130 interrupted.
    """
    return run_command(make_parser(), argv, talk=True, interrupted="interrupted; nothing was written.")


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m export", description="Export a trained tower as one proven, self-describing .tflite file."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_convert(commands.add_parser("convert", help="convert a tower, prove it against its float original, write it"))
    recipes = commands.add_parser("recipes", help="list the ways to quantize a tower")
    recipes.set_defaults(run=_recipes)
    preflight.add(commands)
    for command in commands.choices.values():
        command.add_argument("--json", action="store_true", help="print the result as one line of JSON")
        command.add_argument("--debug", action="store_true", help="show what TensorFlow says, and errors in full")
    return parser


def _add_convert(parser: argparse.ArgumentParser) -> None:
    # The defaults stand here as well as in export.pipeline, so that --help need not load numpy and OpenCV.
    parser.add_argument("folder", type=Path, metavar="RUN", help="folder that `python -m train fit` wrote")
    parser.add_argument(
        "--representative",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of people, prepared faces or plain photographs, to set the int8 ranges with",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .tflite file to write")
    parser.add_argument("--recipe", default="int8", metavar="NAME", help="int8 (default) or float32")
    parser.add_argument(
        "--evaluate",
        type=Path,
        metavar="DIR",
        help="people to measure the gate and the thresholds on (default: the run's validation people)",
    )
    parser.add_argument("--samples", type=int, default=300, metavar="N", help="representative pictures (default 300)")
    parser.add_argument(
        "--fmr", type=float, default=0.01, metavar="RATE", help="false match rate of the default threshold (0.01)"
    )
    parser.add_argument("--name", help="what the card calls the tower (default: the training recipe)")
    parser.add_argument("--licence", default="not stated", help="licence of the weights, for the card")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="chooses the representative pictures (0)")
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    parser.set_defaults(run=_convert)


def _convert(arguments: argparse.Namespace) -> int:
    from export.gate.tables import gate_json, gate_table
    from export.pipeline import ExportOptions, export_tower

    names = ("representative", "out", "recipe", "evaluate", "samples", "fmr", "name", "licence", "seed", "force")
    options = ExportOptions(run=arguments.folder, **{name: getattr(arguments, name) for name in names})

    def show(result: GateResult) -> None:
        if not arguments.json:
            print(gate_table(result), flush=True)
        elif not result.passed:
            emit({"gate": gate_json(result), "path": None})

    exported = export_tower(options, on_gate=show)
    if arguments.json:
        emit(_exported_values(exported))
    else:
        _tell_exported(exported)
    return 0


def _exported_values(exported: Exported) -> dict[str, object]:
    from export.gate.tables import gate_json

    return {
        "gate": gate_json(exported.result),
        "thresholds": [asdict(point) for point in exported.thresholds],
        "default_fmr": exported.tower.card.default_fmr,
        "fingerprint": exported.tower.fingerprint,
        "path": str(exported.tower.path),
        "bytes": exported.size_bytes,
    }


def _tell_exported(exported: Exported) -> None:
    from export.gate.tables import thresholds_table

    path, default = exported.tower.path, exported.result.target_fmr
    print(f"\n{thresholds_table(exported.thresholds, default_fmr=default)}")
    print(f"\nwrote {path} ({exported.size_bytes / 1024:.0f} KiB)")
    print(f"next: siamlite enroll NAME --tower {shlex.quote(str(path))} --source 0")
    rejected = exported.tower.card.operating_point().fnmr
    if rejected > 0.5:
        say(
            f"warning: at this threshold {100 * rejected:.0f} % of genuine pairs are rejected: the tower hardly tells "
            "people apart. Train it on more people."
        )


def _recipes(arguments: argparse.Namespace) -> int:
    from export.gate.tables import recipes_json, recipes_table

    if arguments.json:
        emit(recipes_json())
    else:
        print(recipes_table())
    return 0
