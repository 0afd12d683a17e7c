"""``siamlite gallery``: who is enrolled, and what is known of them."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

from edge_runtime.commands import gallery_files, gallery_keys
from edge_runtime.commands.console import EXIT_OK, EXIT_REFUSED, emit, say, table
from edge_runtime.commands.guarding import Diary
from edge_runtime.commands.options import Commands, add_command, add_group, gallery_option, set_run

if TYPE_CHECKING:
    from edge_runtime.gallery.store import EnrolledPerson, Gallery


def add(commands: Commands) -> None:
    """Add the commands and their options."""
    actions = add_group(commands, "gallery", "look at, change, lock and carry away who is enrolled")
    _add(actions, "list", "who is enrolled", _list)
    showing = _add(actions, "show", "what is kept of a person", _show)
    showing.add_argument("name", help="who")
    removal = _add(actions, "remove", "remove a person and all that is kept of them", _remove)
    removal.add_argument("name", help="who to remove")
    renaming = _add(actions, "rename", "give a person another name", _rename)
    renaming.add_argument("name", help="who")
    renaming.add_argument("new_name", metavar="new-name", help="their new name")
    tagging = _add(actions, "tag", "give a person tags and notes, or take them away", _tag)
    tagging.add_argument("name", help="who")
    tagging.add_argument("tags", nargs="*", metavar="tag", help="tags to add")
    tagging.add_argument("--drop", action="append", default=[], metavar="TAG", help="take a tag away; may be repeated")
    tagging.add_argument("--notes", metavar="TEXT", help="replace the notes; an empty text removes them")
    _add(actions, "verify", "open and check every record", _verify)
    gallery_files.add(actions)
    gallery_keys.add(actions)


def _add(actions: Commands, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    parser = add_command(actions, name, text)
    gallery_option(parser)
    set_run(parser, run)
    return parser


def _opened(options: argparse.Namespace) -> Gallery:
    from edge_runtime.commands.given import gallery_access, gallery_path
    from edge_runtime.gallery.store import Gallery

    return Gallery.open(gallery_path(options), access=gallery_access(options))


def _list(options: argparse.Namespace) -> int:
    """Who is enrolled."""
    with _opened(options) as gallery:
        people = gallery.people()
        header = {"gallery": str(gallery.path), "fingerprint": gallery.fingerprint, "protection": gallery.protection}
    if options.json:
        emit({**header, "people": [_values(person) for person in people]})
        return EXIT_OK
    rows = [[p.name, str(p.templates), _moment(p.enrolled_at), ", ".join(p.tags)] for p in people]
    print(table([["name", "templates", "enrolled", "tags"], *rows]))
    if header["protection"] == "none":
        say(f"warning: {header['gallery']} is not encrypted. Encrypt it: siamlite gallery rekey --protection key")
    return EXIT_OK


def _show(options: argparse.Namespace) -> int:
    """What is kept of a person; never a template."""
    with _opened(options) as gallery:
        person, qualities = gallery.person(options.name)
    if options.json:
        samples = [
            {"added_at": q.added_at, "sharpness": round(q.sharpness, 1), "interocular_px": round(q.interocular_px, 1)}
            for q in qualities
        ]
        emit({**_values(person), "notes": person.notes, "samples": samples})
        return EXIT_OK
    pictures = f"{person.crops} aligned pictures are kept" if person.crops else "no pictures are kept"
    print(f"{person.name}: {person.templates} templates, enrolled {_moment(person.enrolled_at)}; {pictures}")
    if person.tags:
        print(f"tags: {', '.join(person.tags)}")
    if person.notes:
        print(f"notes: {person.notes}")
    rows = [
        [str(number), _moment(q.added_at), f"{q.sharpness:.0f}", f"{q.interocular_px:.0f} px"]
        for number, q in enumerate(qualities, start=1)
    ]
    print(table([["sample", "added", "sharpness", "between the eyes"], *rows]))
    return EXIT_OK


def _remove(options: argparse.Namespace) -> int:
    """Remove a person and all that is kept of them."""
    with _opened(options) as gallery:
        gallery.person(options.name)
        Diary(options).note("remove", options.name)
        gallery.remove(options.name)
        path = str(gallery.path)
    if options.json:
        emit({"removed": options.name, "gallery": path})
    else:
        say(f"removed {options.name} from {path}; copies of the file that were made before still hold them")
    return EXIT_OK


def _rename(options: argparse.Namespace) -> int:
    """Give a person another name."""
    with _opened(options) as gallery:
        gallery.person(options.name)
        diary = Diary(options)
        diary.note("rename", options.name, to=diary.pseudonym(options.new_name))
        gallery.rename(options.name, options.new_name)
    if options.json:
        emit({"renamed": options.name, "name": options.new_name})
    else:
        say(f"renamed {options.name} to {options.new_name}")
    return EXIT_OK


def _tag(options: argparse.Namespace) -> int:
    """Give a person tags and notes, or take them away."""
    with _opened(options) as gallery:
        person = gallery.describe(options.name, add=options.tags, drop=options.drop, notes=options.notes)
    if options.json:
        emit({**_values(person), "notes": person.notes})
    else:
        say(f"{person.name}: tags {', '.join(person.tags) or 'none'}; notes {person.notes or 'none'}")
    return EXIT_OK


def _verify(options: argparse.Namespace) -> int:
    """Open and check every record."""
    from dataclasses import asdict

    from edge_runtime.gallery.checking import verify

    with _opened(options) as gallery:
        checked, protection, path = verify(gallery), gallery.protection, str(gallery.path)
    if options.json:
        emit({"gallery": path, "protection": protection, "whole": not checked.problems, **asdict(checked)})
        return EXIT_REFUSED if checked.problems else EXIT_OK
    for problem in checked.problems:
        say(f"damaged: {problem}")
    words = f"{checked.people} people, {checked.templates} templates, {checked.pictures} kept pictures"
    print(f"{path}: {words}, change {checked.changes}: {'DAMAGED' if checked.problems else 'whole'}")
    return EXIT_REFUSED if checked.problems else EXIT_OK


def _values(person: EnrolledPerson) -> dict[str, Any]:
    return {
        "name": person.name,
        "templates": person.templates,
        "enrolled_at": person.enrolled_at,
        "tags": list(person.tags),
        "pictures": person.crops,
    }


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
