"""Options that several sub-commands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from edge_runtime.imports import require_runtime
from edge_runtime.towers.shipped import DEFAULT_SHIPPED, SHIPPED, TOWER_VARIABLE

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

EXITS = "exit codes: 0 accepted or ok, 1 refused or failed check, 2 wrong usage or input, 3 fault"


def add_command(commands: Commands, name: str, text: str) -> argparse.ArgumentParser:
    """A sub-command with the options that all of them have."""
    parser = commands.add_parser(name, help=text, description=text, epilog=EXITS)
    parser.add_argument("--json", action="store_true", help="print JSON on standard output instead of words")
    parser.add_argument("--debug", action="store_true", help="log what happens and show tracebacks")
    return parser


def set_run(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]) -> None:
    """What the sub-command does; it says which package is missing before anything fails to import."""

    def checked(options: argparse.Namespace) -> int:
        require_runtime()
        return run(options)

    parser.set_defaults(run=checked)


def add_group(commands: Commands, name: str, text: str) -> Commands:
    """A sub-command that has sub-commands of its own."""
    parser = commands.add_parser(name, help=text, epilog=EXITS)
    return parser.add_subparsers(title="actions", metavar="ACTION", required=True)


def tower_option(parser: argparse.ArgumentParser) -> None:
    """Which tower."""
    parser.add_argument(
        "--tower",
        metavar="TOWER",
        help=f"a tower file, or a tower that comes with siamlite: {', '.join(SHIPPED)} (default: ${TOWER_VARIABLE}, "
        f"tower.tflite at siamlite's home, or {DEFAULT_SHIPPED})",
    )


def tower_options(parser: argparse.ArgumentParser) -> None:
    """Which tower, which interpreter, which detector."""
    tower_option(parser)
    trust_options(parser)
    threads_option(parser)
    engine_options(parser)
    detector_options(parser)


def detector_options(parser: argparse.ArgumentParser) -> None:
    """Which face detector."""
    parser.add_argument(
        "--detector", default="auto", help="auto (default), full-range, short-range, back or yunet:FILE.onnx"
    )
    parser.add_argument("--detector-model", type=Path, metavar="FILE", help="ONNX file for --detector yunet")
    parser.add_argument(
        "--smallest-face", type=float, metavar="PX", help="for auto: smallest face wanted (default: a sixth of a frame)"
    )


def threads_option(parser: argparse.ArgumentParser) -> None:
    """How a tower is run."""
    parser.add_argument("--threads", type=int, default=1, help="threads to compute with (default: 1)")
    parser.add_argument(
        "--interpreter", choices=["litert", "tflite-runtime"], help="which interpreter (default: what is installed)"
    )


def engine_options(parser: argparse.ArgumentParser) -> None:
    """How the interpreter runs the models."""
    parser.add_argument(
        "--engine",
        choices=["interpreter", "compiled", "auto"],
        default="interpreter",
        help="LiteRT's Interpreter (default), its CompiledModel, or the faster of both here",
    )
    parser.add_argument("--no-xnnpack", action="store_true", help="compute without XNNPACK: another embedding space")
    parser.add_argument(
        "--delegate", metavar="LIBRARY[,OPTION=VALUE…]", help="run the tower by a delegate, such as libedgetpu.so.1"
    )


def trust_options(parser: argparse.ArgumentParser) -> None:
    """Whose towers are accepted."""
    parser.add_argument(
        "--trusted-key",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="public key (PEM) that must have signed the tower; may be repeated (default: see siamlite trust list)",
    )
    parser.add_argument("--require-signed", action="store_true", help="refuse to run where no key is trusted")


def gallery_option(parser: argparse.ArgumentParser) -> None:
    """Which gallery."""
    parser.add_argument("--gallery", type=Path, help="gallery file (default: gallery.db at siamlite's home)")
    parser.add_argument(
        "--key-file", type=Path, metavar="FILE", help="the gallery's key (default: gallery.key at siamlite's home)"
    )


def events_option(parser: argparse.ArgumentParser) -> None:
    """Who is told what was decided."""
    parser.add_argument(
        "--events", type=Path, metavar="FILE", help="tell decisions to the places that this TOML file names"
    )


def lock_options(parser: argparse.ArgumentParser) -> None:
    """How a gallery that is made is locked."""
    lock = parser.add_mutually_exclusive_group()
    lock.add_argument(
        "--passphrase", action="store_const", dest="protection", const="passphrase", default="key",
        help="lock a new gallery with a passphrase rather than with a key file",
    )  # fmt: skip
    lock.add_argument(
        "--unencrypted", action="store_const", dest="protection", const="none",
        help="do not encrypt a new gallery: whoever reads the file holds biometric data",
    )  # fmt: skip


def source_option(parser: argparse.ArgumentParser, *, default: str | None = None) -> None:
    """Where frames come from, and what they should be like; required where no default is named."""
    parser.add_argument(
        "--source",
        required=default is None,
        help="camera number (0) or device, picamera or picamera:1, video file, picture, folder or glob of pictures, or "
        "rtsp:// or http:// URL",
    )
    parser.add_argument("--size", metavar="WxH", help="ask the camera for this size; shrink whatever is larger")
    parser.add_argument("--rate", type=float, metavar="FPS", help="ask the camera for this rate; use at most so many")
    parser.add_argument(
        "--rotate", type=int, choices=[0, 90, 180, 270], default=0, help="turn the frames clockwise (default: 0)"
    )
    parser.add_argument("--mirror", action="store_true", help="swap left and right")


def threshold_options(parser: argparse.ArgumentParser) -> None:
    """From which similarity on two faces are one person's."""
    parser.add_argument("--fmr", type=float, help="target false match rate, one of the card's (default: the card's)")
    parser.add_argument("--threshold", type=float, help="a similarity of your own instead of the card's threshold")


def decision_options(parser: argparse.ArgumentParser) -> None:
    """How frames become a decision."""
    threshold_options(parser)
    parser.add_argument("--frames", type=int, default=5, help="good frames to average before deciding (default: 5)")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds until an attempt is refused (default: 10)")
    parser.add_argument(
        "--faces",
        choices=["exactly-one", "largest", "centre", "all"],
        default="exactly-one",
        help="whose face counts (default: exactly-one)",
    )
    parser.add_argument(
        "--fuse",
        choices=["weighted", "mean", "k-of-n"],
        default="weighted",
        help="how frames become one similarity (default: weighted)",
    )
    parser.add_argument("--needed", type=int, metavar="K", help="frames that must match, of k-of-n (default: all)")
    parser.add_argument("--margin", type=float, default=0.0, help="lead that the nearest person needs (default: 0)")
    parser.add_argument("--min-face", type=float, metavar="PX", help="least distance of the eyes in pixels")
    parser.add_argument(
        "--detect-every", type=int, default=10, metavar="N", help="detect in every N-th frame at least (default: 10)"
    )


def drawing_options(parser: argparse.ArgumentParser) -> None:
    """What is shown of the frames."""
    parser.add_argument(
        "--annotate", type=Path, metavar="DIR", help="write the frame of each decision, drawn on, to DIR"
    )
    parser.add_argument("--save-video", type=Path, metavar="FILE", help="record the drawn frames as .mp4 or .avi")
    parser.add_argument("--force", action="store_true", help="replace FILE if it is there")
    parser.add_argument("--window", action="store_true", help="show the drawn frames in a window (q closes it)")


def liveness_options(parser: argparse.ArgumentParser) -> None:
    """Whether it must be a person, and how that is found out."""
    parser.add_argument(
        "--liveness", choices=["off", "on", "required"], default="off",
        help="refuse who is found to be a picture (on), or who is not found to be a person (required; default: off)",
    )  # fmt: skip
    parser.add_argument("--challenge", action="store_true", help="ask for movements of the head in a random order")
    parser.add_argument("--mirrored-camera", action="store_true", help="the camera swaps left and right by itself")
    parser.add_argument("--antispoof", type=Path, metavar="CARD", help="card of a passive anti-spoof model to ask too")
