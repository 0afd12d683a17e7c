"""``siamlite gallery export`` and ``import``: people in one encrypted file."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_runtime.commands.console import EXIT_OK, emit, say
from edge_runtime.commands.guarding import Diary
from edge_runtime.commands.options import Commands, add_command, gallery_option, lock_options, set_run


def add(actions: Commands) -> None:
    """Add the commands and their options."""
    export = add_command(actions, "export", "write people to one encrypted file")
    export.add_argument("file", type=Path, help="the file to write")
    export.add_argument("--person", action="append", default=[], metavar="NAME", help="only this one; may be repeated")
    export.add_argument("--no-pictures", action="store_true", help="leave out pictures that are kept")
    export.add_argument("--force", action="store_true", help="replace the file")
    gallery_option(export)
    set_run(export, _export)
    bringing = add_command(actions, "import", "add the people of an exported file")
    bringing.add_argument("file", type=Path, help="the file that was exported")
    bringing.add_argument("--force", action="store_true", help="replace people who are enrolled already")
    gallery_option(bringing)
    lock_options(bringing)
    set_run(bringing, _import)
    for parser in (export, bringing):
        parser.add_argument(
            "--transfer-key", type=Path, metavar="KEY",
            help="lock the file with this key, made if there is none, rather than with a passphrase",
        )  # fmt: skip


def _export(options: argparse.Namespace) -> int:
    """Write people to one encrypted file."""
    from edge_runtime.commands.given import ask_passphrase, gallery_access, gallery_path
    from edge_runtime.files import refuse_overwrite
    from edge_runtime.gallery.keys import TransferAccess
    from edge_runtime.gallery.store import Gallery
    from edge_runtime.gallery.transfer import export_people

    refuse_overwrite(options.file, force=options.force)
    access = TransferAccess(key_file=options.transfer_key, ask=ask_passphrase)
    with Gallery.open(gallery_path(options), access=gallery_access(options)) as gallery:
        Diary(options).note("export", people=len(options.person) or len(gallery.people()))
        count = export_people(gallery, options.file, access, names=options.person, crops=not options.no_pictures)
    if options.json:
        emit({"exported": count, "file": str(options.file), "locked_with": access.protection})
        return EXIT_OK
    say(f"exported {count} people to {options.file}, locked with a {access.protection}")
    if options.transfer_key:
        say(f"the key is {options.transfer_key}: bring it by another way than the file")
    say(f"next, elsewhere: siamlite gallery import {options.file}")
    return EXIT_OK


def _import(options: argparse.Namespace) -> int:
    """Add the people of an exported file."""
    from edge_runtime.commands.given import ask_passphrase, gallery_access, gallery_path
    from edge_runtime.gallery.keys import TransferAccess
    from edge_runtime.gallery.transfer import import_people

    path = gallery_path(options)
    Diary(options).note("import", replace=options.force)
    done = import_people(
        options.file,
        path,
        TransferAccess(key_file=options.transfer_key, ask=ask_passphrase),
        gallery_access(options),
        replace=options.force,
    )
    if options.json:
        emit({"added": list(done.added), "replaced": list(done.replaced), "gallery": str(path)})
        return EXIT_OK
    say(f"added {len(done.added)} people to {path}, replaced {len(done.replaced)}")
    say(f"next: siamlite gallery list --gallery {path}")
    return EXIT_OK
