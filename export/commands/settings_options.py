"""The options that every export takes, in one place."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

# What is the same in the parsed options and in export.settings.Settings.
_SAME = (
    "out",
    "representative",
    "representative_list",
    "list_names",
    "recipe",
    "or_selective",
    "layers",
    "study",
    "evaluate",
    "samples",
    "fmr",
    "runtime",
    "runtime_python",
    "name",
    "licence",
    "measured_on",
    "limits_text",
    "sign_key",
    "seed",
    "force",
)
_MANY = ("limits", "keep_float", "targets")


def add_settings(command: Any) -> None:
    """Add the options. Their defaults stand here as well, so that ``--help`` need not load numpy and OpenCV."""
    command.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .tflite file to write")
    command.add_argument("--recipe", default="int8", metavar="NAME", help="see `python -m export recipes` (int8)")
    command.add_argument(
        "--limit",
        action="append",
        default=[],
        dest="limits",
        metavar="KEY=VALUE",
        help="another limit of the gate: mean-cosine, p5-cosine, eer-rise or tar-drop, such as eer-rise=0.003",
    )
    command.add_argument(
        "--keep-float",
        action="append",
        default=[],
        metavar="LAYER",
        help="for int8-selective: a layer that stays float, by name or pattern (default: the worst ones are found)",
    )
    command.add_argument(
        "--or-selective", action="store_true", help="where int8 fails its gate, leave the worst layers float"
    )
    command.add_argument("--layers", action="store_true", help="tell the error that int8 makes in each layer")
    command.add_argument(
        "--study",
        type=Path,
        metavar="DIR",
        help="first try 10, 30, 100, 300 and 1,000 representative pictures, and plot what each is worth into DIR",
    )
    command.add_argument("--samples", type=int, default=300, metavar="N", help="representative pictures (300)")
    command.add_argument(
        "--representative-list",
        type=Path,
        metavar="FILE",
        help="take the pictures again that an earlier tower file (or its card.json) lists",
    )
    command.add_argument(
        "--list-names", action="store_true", help="name the representative pictures in the card, not only their hashes"
    )
    command.add_argument(
        "--fmr", type=float, default=0.01, metavar="RATE", help="false match rate of the default threshold (0.01)"
    )
    command.add_argument(
        "--target",
        action="append",
        default=[],
        dest="targets",
        metavar="NAME",
        help="a runtime that must take the file, see `python -m export preflight` (ai-edge-litert-2)",
    )
    command.add_argument(
        "--runtime", metavar="NAME", help="interpreter of this environment to measure in: litert or tflite-runtime"
    )
    command.add_argument(
        "--runtime-python",
        type=Path,
        metavar="PYTHON",
        help="measure in the interpreter of another environment: path of its python",
    )
    command.add_argument("--name", help="what the card calls the tower")
    command.add_argument("--licence", default="not stated", help="licence of the weights, for the card")
    command.add_argument(
        "--measured-on",
        metavar="TEXT",
        help="what the pictures are that error rates are measured on, for the card: 'pictures of actors from the web'",
    )
    command.add_argument("--limits-text", metavar="TEXT", help="what else the card says of the tower's limits")
    command.add_argument("--sign-key", type=Path, metavar="KEY", help="sign the file with this private key")
    command.add_argument("--seed", type=int, default=0, metavar="N", help="chooses the representative pictures (0)")
    command.add_argument("--force", action="store_true", help="replace an existing file")


def settings_values(options: argparse.Namespace) -> dict[str, Any]:
    """The options as keywords of :class:`export.settings.Settings`."""
    values = {name: getattr(options, name) for name in _SAME}
    return values | {name: tuple(getattr(options, name)) for name in _MANY}
