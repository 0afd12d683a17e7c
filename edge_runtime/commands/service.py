"""``siamlite service``: watching for ever, started by systemd."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.commands.console import EXIT_OK, EXIT_REFUSED, emit, say
from edge_runtime.commands.options import Commands, add_command, add_group, set_run
from edge_runtime.errors import UsageError

if TYPE_CHECKING:
    from edge_runtime.service.unit import ServiceSpec

# What the service runs; what is given after -- is added.
_WATCH = ("watch",)
_SHOWN = ("LoadState", "ActiveState", "SubState", "UnitFileState", "StatusText", "MainPID", "NRestarts", "Result")


def add(commands: Commands) -> None:
    """Add the commands and their options."""
    actions = add_group(commands, "service", "watch for ever, as a service of systemd")
    installing = add_command(actions, "install", "write a hardened unit, and start it now and at each boot")
    installing.add_argument(
        "words", nargs="+", metavar="-- OPTION", help="options of watch, after --, such as -- --source 0"
    )
    installing.add_argument(
        "--key-file", type=Path, metavar="FILE", help="the gallery's key, which systemd hands to the service alone"
    )
    installing.add_argument(
        "--credential", action="append", default=[], metavar="NAME=FILE",
        help="a secret that the file of --events calls credential:NAME; may be repeated",
    )  # fmt: skip
    installing.add_argument("--user", default="siamlite", help="who it runs as; made if need be (default: siamlite)")
    installing.add_argument(
        "--watchdog", type=int, default=60, metavar="SECONDS", help="start anew after so long without a frame (60)"
    )
    installing.add_argument("--dry-run", action="store_true", help="print the unit, and change nothing")
    installing.add_argument("--no-start", action="store_true", help="start it at the next boot only")
    installing.add_argument("--force", action="store_true", help="replace the unit that is there")
    set_run(installing, _install)
    set_run(add_command(actions, "status", "does it run, since when, and what does it say?"), _status)
    set_run(add_command(actions, "uninstall", "stop it and remove the unit; who is enrolled stays"), _uninstall)


def _install(options: argparse.Namespace) -> int:
    """Write the unit and start it, or print it."""
    from edge_runtime.service import systemd
    from edge_runtime.service.install import install, unit_path
    from edge_runtime.service.plan import program, refuse_closed_program
    from edge_runtime.service.unit import unit_text

    spec = _spec(options)
    if options.dry_run:
        if options.json:
            emit({"path": str(unit_path()), "unit": unit_text(spec)})
        else:
            print(unit_text(spec), end="")
        return EXIT_OK
    systemd.require_systemd(root=True)
    refuse_closed_program()
    systemd.run(*program(), "--version")
    path = install(spec, systemd.run, force=options.force, start=not options.no_start)
    if options.json:
        emit({"path": str(path), "user": spec.user, "started": not options.no_start})
    else:
        say(f"installed: {path}, as the user {spec.user}")
        say("next: siamlite service status")
    return EXIT_OK


def _status(options: argparse.Namespace) -> int:
    """How the service does."""
    from edge_runtime.service import systemd
    from edge_runtime.service.unit import UNIT

    systemd.require_systemd(root=False)
    found = systemd.properties(UNIT, *_SHOWN, "ActiveEnterTimestamp")
    active = found["ActiveState"] == "active"
    if options.json:
        emit({"installed": found["LoadState"] == "loaded", "active": active, "properties": found})
    elif found["LoadState"] != "loaded":
        say("the service is not installed. Install it: sudo siamlite service install -- --source 0")
    else:
        since = f" since {found['ActiveEnterTimestamp']}" if active else f" ({found['Result']})"
        print(f"{found['ActiveState']} ({found['SubState']}){since}, {found['UnitFileState']}")
        print(f"{found['StatusText'] or 'no word from it'}; started anew {found['NRestarts']} times")
        say("what it decided: journalctl -u siamlite")
    return EXIT_OK if active else EXIT_REFUSED


def _uninstall(options: argparse.Namespace) -> int:
    """Stop the service and remove its unit."""
    from edge_runtime.service import systemd
    from edge_runtime.service.install import uninstall
    from edge_runtime.service.unit import HOME, USER

    systemd.require_systemd(root=True)
    path = uninstall(systemd.run)
    if options.json:
        emit({"removed": str(path), "kept": str(HOME)})
    else:
        say(f"removed: {path}")
        say(f"Kept: {HOME}, with whoever is enrolled there, and the user ({USER} unless you chose another).")
    return EXIT_OK


def _spec(options: argparse.Namespace) -> ServiceSpec:
    from edge_runtime.commands.cli import build_parser
    from edge_runtime.service.plan import doubts, plan

    words = (*_WATCH, *options.words)
    # What the service could not understand is an error here and now.
    watched = build_parser().parse_args(words)
    spec = plan(
        words,
        watched,
        key_file=options.key_file,
        credentials=dict(_credential(text) for text in options.credential),
        user=options.user,
        watchdog_s=options.watchdog,
    )
    for doubt in doubts(watched, spec.user):
        say(f"warning: {doubt}")
    return spec


def _credential(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not equals or not name or not path:
        raise UsageError(f"--credential takes NAME=/PATH, not {text!r}.")
    return name, Path(path)
