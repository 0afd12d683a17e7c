"""``siamlite gallery rekey`` and ``migrate``: every record written anew."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_runtime.commands.console import EXIT_OK, emit, say
from edge_runtime.commands.guarding import Diary
from edge_runtime.commands.options import (
    Commands,
    add_command,
    gallery_option,
    lock_options,
    set_run,
    threads_option,
    trust_options,
)
from edge_runtime.errors import UsageError


def add(actions: Commands) -> None:
    """Add the commands and their options."""
    rekeying = add_command(actions, "rekey", "draw a new key and rotation: stolen copies become worthless")
    rekeying.add_argument(
        "--protection", choices=["key", "passphrase", "none"], help="lock it so from now on (default: as before)"
    )
    rekeying.add_argument(
        "--new-key-file", type=Path, metavar="FILE", help="lock it with this key from now on; made if there is none"
    )
    gallery_option(rekeying)
    set_run(rekeying, _rekey)
    migration = add_command(actions, "migrate", "bring a gallery to this version, or to another tower")
    migration.add_argument(
        "--tower",
        metavar="TOWER",
        help="embed the kept pictures anew with this tower: a file, or one that comes with siamlite",
    )
    migration.add_argument("--drop", action="store_true", help="remove people of whom no pictures are kept")
    trust_options(migration)
    threads_option(migration)
    gallery_option(migration)
    lock_options(migration)
    set_run(migration, _migrate)


def _rekey(options: argparse.Namespace) -> int:
    """Draw a new key and rotation."""
    from edge_runtime.commands.given import ask_passphrase, gallery_access, gallery_path
    from edge_runtime.gallery.rewriting import rekey
    from edge_runtime.gallery.store import Access, Gallery

    if options.new_key_file and options.protection in ("passphrase", "none"):
        raise UsageError("--new-key-file goes with --protection key.")
    protection = "key" if options.new_key_file else options.protection
    path = gallery_path(options)
    current = argparse.Namespace(key_file=options.key_file)
    with Gallery.open(path, access=gallery_access(current)) as gallery:
        new = None
        if protection is not None:
            # A key that is named opens the gallery; it also locks one that had no lock, or keeps locking it.
            new = Access(
                key_file=None if protection != "key" else options.new_key_file or options.key_file,
                protection=protection,
                ask=ask_passphrase,
            )
        Diary(options).note("rekey", protection=protection or gallery.protection)
        count = rekey(gallery, new)
        locked = gallery.protection
    if options.json:
        emit({"rekeyed": count, "gallery": str(path), "protection": locked})
        return EXIT_OK
    say(f"{path}: the records of {count} people were written anew with a new key and rotation")
    if locked == "none":
        say(f"warning: {path} is not encrypted: whoever reads it holds biometric data")
    if options.new_key_file:
        say(f"from now on it is opened by {options.new_key_file}: --key-file {options.new_key_file}")
    say("copies that were made before are locked as they were: delete them")
    return EXIT_OK


def _migrate(options: argparse.Namespace) -> int:
    """Bring a gallery to this version, or to another tower."""
    from edge_runtime.commands.given import gallery_access, gallery_path
    from edge_runtime.gallery.rewriting import reembed
    from edge_runtime.gallery.store import Gallery
    from edge_runtime.gallery.upgrade import needs_upgrade, upgrade
    from edge_runtime.towers.shipped import find_tower
    from edge_runtime.towers.tower import Tower
    from edge_runtime.towers.trust import Trust

    path, access = gallery_path(options), gallery_access(options)
    tower = None
    if options.tower:
        trust = Trust.configured(options.trusted_key, require=options.require_signed)
        tower = Tower.load(find_tower(options.tower), threads=options.threads, family=options.interpreter, trust=trust)
    upgraded = upgrade(path, access) if needs_upgrade(path) else None
    embedded, removed = 0, list[str]()
    if tower is not None:
        with Gallery.open(path, access=access) as gallery:
            if gallery.fingerprint != tower.fingerprint:
                embedded, removed = reembed(gallery, tower, drop=options.drop)
    if options.json:
        emit({"gallery": str(path), "upgraded": upgraded, "embedded": embedded, "removed": removed})
        return EXIT_OK
    if upgraded is not None:
        say(f"{path} is of version 2 now, with {upgraded} people, locked by: {access.protection}")
    if embedded or removed:
        say(f"{path}: {embedded} people embedded anew with {options.tower}, {len(removed)} removed")
    if upgraded is None and not embedded and not removed:
        say(f"{path} is as it should be: nothing was changed")
    say(f"next: siamlite gallery verify --gallery {path}")
    return EXIT_OK
