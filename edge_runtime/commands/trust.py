"""``siamlite trust``: the public keys in siamlite's home."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_runtime.commands.console import EXIT_OK, emit, say, table
from edge_runtime.commands.options import Commands, add_command, add_group, set_run
from edge_runtime.commands.printable import printable
from edge_runtime.errors import UsageError, WriteError
from edge_runtime.files import refuse_overwrite, write_bytes
from edge_runtime.home import trusted_keys_folder
from edge_runtime.towers.signature import public_key_pem, short_fingerprint
from edge_runtime.towers.trust import KEYS_VARIABLE, Trust, TrustedKey, key_files, key_name, read_trusted_key


def add(commands: Commands) -> None:
    """Add the commands and their options."""
    actions = add_group(commands, "trust", "list, add or remove keys whose towers are accepted")
    adding = add_command(actions, "add", "accept towers that a key signed")
    adding.add_argument("key", type=Path, metavar="KEY.pem", help="the maker's public key")
    adding.add_argument("--name", help="what to call it (default: the name of the file)")
    adding.add_argument("--force", action="store_true", help="replace another key of that name")
    set_run(adding, _add)
    set_run(add_command(actions, "list", "whose towers are accepted"), _list)
    removal = add_command(actions, "remove", "no longer accept a key's towers")
    removal.add_argument("name", help="which key")
    set_run(removal, _remove)


def _add(options: argparse.Namespace) -> int:
    """Accept towers that a key signed."""
    given = read_trusted_key(options.key)
    name = options.name or key_name(options.key)
    target = trusted_keys_folder() / f"{_checked(name)}.pem"
    for held in _held():
        if held.public_key == given.public_key and held.path != target:
            raise UsageError(f"this key is trusted already, as {held.name}.")
    refuse_overwrite(target, force=options.force)
    # What is written is made from the key: nothing else of the file that came from outside is kept.
    write_bytes(target, public_key_pem(given.public_key))
    if options.json:
        emit(_values(TrustedKey(name=name, public_key=given.public_key, path=target)))
        return EXIT_OK
    say(f"trusted: {name}, in {target}\nfingerprint: {given.fingerprint}")
    say("Compare it with the fingerprint that the maker tells you. From now on only towers of trusted keys load.")
    say("next: siamlite doctor")
    return EXIT_OK


def _list(options: argparse.Namespace) -> int:
    """Whose towers are accepted."""
    keys = Trust.configured().keys
    if options.json:
        emit({"keys": [_values(key) for key in keys], "accepts": "only signed" if keys else "any"})
    elif keys:
        rows = [[printable(key.name), short_fingerprint(key.fingerprint), str(key.path)] for key in keys]
        print(table([["name", "fingerprint", "file"], *rows]))
    else:
        say("no trusted keys: towers of any maker are accepted. Add one: siamlite trust add KEY.pem")
    return EXIT_OK


def _remove(options: argparse.Namespace) -> int:
    """Accept towers of a key no longer."""
    target = trusted_keys_folder() / f"{_checked(options.name)}.pem"
    if not target.is_file():
        names = ", ".join(key_name(path) for path in key_files(trusted_keys_folder())) or "none"
        raise UsageError(f"no trusted key {options.name!r} in {trusted_keys_folder()}; there are: {names}.")
    try:
        target.unlink()
    except OSError as error:
        raise WriteError(f"cannot remove {target}: {error.strerror or error}.") from error
    left = len(key_files(trusted_keys_folder()))
    if options.json:
        emit({"removed": options.name, "left": left})
        return EXIT_OK
    say(f"removed: {target}")
    if not left:
        say(f"warning: no trusted key is left: unless {KEYS_VARIABLE} names one, towers of any maker are accepted")
    return EXIT_OK


def _held() -> list[TrustedKey]:
    return [read_trusted_key(path) for path in key_files(trusted_keys_folder())]


def _values(key: TrustedKey) -> dict[str, str]:
    return {"name": key.name, "fingerprint": key.fingerprint, "path": str(key.path)}


def _checked(name: str) -> str:
    """A name that is one file's, in the folder and visible."""
    if name != Path(name).name or name.startswith(".") or not 1 <= len(name) <= 100 or printable(name) != name:
        raise UsageError(f"{name!r} is no name for a key; letters, digits, dots and dashes will do. Give one: --name")
    return name
