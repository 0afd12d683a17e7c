"""``siamlite gallery``."""

from __future__ import annotations

import argparse
import time

from edge_runtime.commands.console import EXIT_OK, emit, say, table
from edge_runtime.commands.options import Commands, add_command, add_group, gallery_option, set_run


def add(commands: Commands) -> None:
    """Add the commands and their options."""
    actions = add_group(commands, "gallery", "list or remove enrolled people")
    listing = add_command(actions, "list", "who is enrolled")
    gallery_option(listing)
    set_run(listing, _list)
    removal = add_command(actions, "remove", "remove a person and their templates")
    removal.add_argument("name", help="who to remove")
    gallery_option(removal)
    set_run(removal, _remove)


def _list(options: argparse.Namespace) -> int:
    """Who is enrolled."""
    from edge_runtime.commands.given import gallery_path
    from edge_runtime.gallery.store import Gallery

    path = gallery_path(options)
    with Gallery.open(path) as gallery:
        people, space = gallery.people(), gallery.fingerprint
    if options.json:
        rows = [{"name": p.name, "templates": p.templates, "enrolled_at": p.enrolled_at} for p in people]
        emit({"gallery": str(path), "fingerprint": space, "people": rows})
        return EXIT_OK
    days = [time.strftime("%Y-%m-%d %H:%M", time.localtime(person.enrolled_at)) for person in people]
    rows_of_text = [[p.name, str(p.templates), day] for p, day in zip(people, days, strict=True)]
    print(table([["name", "templates", "enrolled"], *rows_of_text]))
    return EXIT_OK


def _remove(options: argparse.Namespace) -> int:
    """Remove a person and their templates."""
    from edge_runtime.commands.given import gallery_path
    from edge_runtime.gallery.store import Gallery

    path = gallery_path(options)
    with Gallery.open(path) as gallery:
        gallery.remove(options.name)
    if options.json:
        emit({"removed": options.name, "gallery": str(path)})
    else:
        say(f"removed {options.name} from {path}")
    return EXIT_OK
