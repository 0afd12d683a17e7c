"""The options that say what a foreign model is, for every command that takes one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from export.adoption.given import GivenInput
    from export.adoption.model import ForeignFile


def add_model(command: Any) -> None:
    """Add what every command needs that opens such a model."""
    command.add_argument(
        "file", type=Path, metavar="FILE", help="a .keras, .tflite or .onnx file, or the folder of a SavedModel"
    )
    command.add_argument(
        "--input-size", type=int, metavar="PX", help="side of its square input (default: as the model says)"
    )
    command.add_argument(
        "--align",
        metavar="TEMPLATE",
        help="where the face lies in its crops: eyes-nose-mouth, wide, or a JSON file of points (eyes-nose-mouth)",
    )
    command.add_argument(
        "--aligned", action="store_true", help="the pictures are crops, aligned to that template: only resize them"
    )
    command.add_argument("--output", metavar="NAME", help="which output is the embedding (of Keras also a layer)")
    command.add_argument("--signature", metavar="NAME", help="which signature of a SavedModel (serving_default)")
    command.add_argument(
        "--converter-python", type=Path, metavar="PYTHON", help="python of an environment that holds onnx2tf"
    )


def add_input(command: Any) -> None:
    """Add what only the adopter knows of the input."""
    command.add_argument("--colour", metavar="ORDER", help="rgb, bgr or grey (default: rgb, or grey for one channel)")
    command.add_argument(
        "--range",
        metavar="NAME",
        dest="range_name",
        help="values it was trained on: signed (-1 to 1), signed-128, unit (0 to 1) or byte (0 to 255) (signed)",
    )
    command.add_argument("--scale", type=float, help="in place of --range: what pixels of 0 to 255 are multiplied with")
    command.add_argument("--offset", type=float, help="in place of --range: what is then added")


def foreign_file(options: argparse.Namespace) -> ForeignFile:
    """Where the model is."""
    from export.adoption.model import ForeignFile

    return ForeignFile(
        path=options.file,
        output=options.output,
        signature=options.signature,
        converter_python=options.converter_python,
    )


def given_input(options: argparse.Namespace) -> GivenInput:
    """What was said of its input."""
    from export.adoption.given import GivenInput

    return GivenInput(
        size_px=options.input_size,
        colour=options.colour,
        range_name=options.range_name,
        scale=options.scale,
        offset=options.offset,
    )
