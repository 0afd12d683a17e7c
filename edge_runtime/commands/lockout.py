"""``siamlite lockout``: who must wait after repeated rejections, and how to end it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from edge_runtime.commands.console import EXIT_OK, emit, say, table
from edge_runtime.commands.guarding import Diary, audit_option
from edge_runtime.commands.options import Commands, add_command, add_group, gallery_option, set_run

if TYPE_CHECKING:
    from edge_runtime.decisions.lockout_file import LockoutFile


def add(commands: Commands) -> None:
    """Add the commands and their options."""
    actions = add_group(commands, "lockout", "who must wait after repeated rejections")
    showing = add_command(actions, "show", "rejections in a row, and how long the next attempt must wait")
    gallery_option(showing)
    set_run(showing, _show)
    clearing = add_command(actions, "clear", "end every lockout, also of a damaged state")
    audit_option(clearing)
    set_run(clearing, _clear)


def _file() -> LockoutFile:
    from edge_runtime.audit.secret import audit_key
    from edge_runtime.decisions.lockout_file import LockoutFile
    from edge_runtime.home import audit_folder

    return LockoutFile(audit_folder(), audit_key())


def _show(options: argparse.Namespace) -> int:
    """Rejections in a row, and how long the next attempt must wait."""
    from edge_runtime.audit.secret import audit_key
    from edge_runtime.commands.audit import names_of
    from edge_runtime.decisions.lockout import Moment, left_s

    now, rows = Moment.now(), _file().rows()
    names = names_of(options, audit_key()) if rows else {}
    found = []
    for who, row in sorted(rows.items()):
        gallery, mode, *person = who.split(" ")
        name = names.get(person[0], f"({person[0]})") if person else None
        found.append(
            {
                "gallery_id": gallery,
                "mode": mode,
                "name": name,
                "rejections": row.rejections,
                "wait_s": round(left_s(row, now), 1),
            }
        )
    if options.json:
        emit({"rows": found})
        return EXIT_OK
    lines = [[str(row["name"] or row["mode"]), str(row["rejections"]), f"{row['wait_s']:.0f} s"] for row in found]
    print(table([["who", "rejections in a row", "must wait"], *lines]))
    return EXIT_OK


def _clear(options: argparse.Namespace) -> int:
    """End every lockout."""
    Diary(options).note("lockout-cleared")
    count = _file().clear()
    if options.json:
        emit({"cleared": count})
    else:
        say(f"{count} rows of rejections ended: everybody may try again")
    return EXIT_OK
