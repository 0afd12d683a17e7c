"""Files of exported people."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from benchmarks.fuzz.choices import HOSTILE, Choices, changed_bytes, changed_values
from benchmarks.fuzz.commands import command
from benchmarks.fuzz.contract import Attempt, Wrong
from benchmarks.fuzz.galleries import LENGTH, NAMES, SPACE, access_of, changed_details, made, placed, rows_of
from edge_runtime.files import write_stream
from edge_runtime.gallery.keys import TransferAccess
from edge_runtime.gallery.store import Gallery
from edge_runtime.gallery.stream import decrypted, encrypted, new_head, read_head
from edge_runtime.gallery.transfer import export_people, import_people

_VALUES = {"fingerprint": SPACE.fingerprint, "embedding_length": LENGTH, "tower": SPACE.tower}


def _exported(folder: Path) -> tuple[bytes, TransferAccess]:
    access, transfer = access_of(folder, "none"), TransferAccess(key_file=folder / "transfer.key")
    made(folder / "exported.db", access)
    with Gallery.open(folder / "exported.db", access=access) as gallery:
        export_people(gallery, folder / "people.bin", transfer)
    return (folder / "people.bin").read_bytes(), transfer


def file_seeds(folder: Path) -> list[bytes]:
    """What was exported, and the beginning of it."""
    data = _exported(folder)[0]
    return [data, data[:200], b"siamlite gallery export 1\n"]


def make_file(folder: Path) -> Attempt:
    """The bytes of an exported file, changed by somebody without its key."""
    # The key of the seeds, if they were made here before: else no input would ever be opened.
    transfer = _exported(folder)[1]

    def attempt(data: bytes) -> None:
        (folder / "case.bin").write_bytes(data)
        into = placed(folder / "into.db", b"")
        into.unlink()
        done = import_people(folder / "case.bin", into, transfer, access_of(folder, "none"))
        with Gallery.open(into, access=access_of(folder, "none")) as gallery:
            found = gallery.matrix()
        expected = np.concatenate([rows_of(n) for n in range(len(NAMES))])
        if done.added != NAMES or np.abs(found.matrix - expected).max() > 1e-5:
            raise Wrong("other people than were exported")

    return attempt


def people_seeds(folder: Path) -> list[bytes]:
    """Choices: which part of a person is changed."""
    return [bytes([a, b, 3, 1, 4, 1, 5, 9, 2, 6]) for a in range(6) for b in range(4)]


def make_people(folder: Path) -> Attempt:
    """Hostile people in a file that is rightly encrypted, as whoever has the key or the passphrase can write it."""
    transfer = _exported(folder)[1]
    path = folder / "people.bin"
    secret = transfer.secret(path, protection="key")
    with open(path, "rb") as stream:
        chunks = list(decrypted(read_head(stream, path), secret, stream, path))

    def attempt(data: bytes) -> None:
        choices = Choices(data)
        head = new_head("key", _changed_head(choices) if choices.number(8) == 0 else _VALUES)
        people = [_changed_person(choices, chunks[0]), *chunks[1 : choices.number(3)]]
        case = folder / "case.bin"
        try:
            write_stream(case, encrypted(head, secret, people, case), mode=0o600)
        except (ValueError, RecursionError, TypeError):
            return
        into = placed(folder / "into.db", b"")
        into.unlink()
        import_people(case, into, transfer, access_of(folder, "none"))
        command("gallery", "list", "--json", "--gallery", into)
        command("gallery", "verify", "--gallery", into)
        with Gallery.open(into, access=access_of(folder, "none")) as gallery:
            names = [person.name for person in gallery.people()]
        for name in names[:1]:
            command("gallery", "show", "--gallery", into, "--", name)

    return attempt


def _changed_head(choices: Choices) -> dict[str, object]:
    values = changed_values(choices, _VALUES)
    return values if isinstance(values, dict) else {"fingerprint": choices.pick(HOSTILE)}


def _changed_person(choices: Choices, chunk: bytes) -> bytes:
    sizes = struct.unpack_from("<III", chunk)
    parts, at = [], 12
    for size in sizes:
        parts.append(chunk[at : at + size])
        at += size
    match choices.number(6):
        case 0:
            return changed_bytes(choices, chunk)
        case 1:
            parts[2] = changed_bytes(choices, parts[2])
        case 2:
            parts[1] = changed_bytes(choices, parts[1])
        case 3:
            parts[1] = _wild_numbers(choices, parts[1])
        case _:
            parts[0] = changed_details(choices, parts[0])
    return struct.pack("<III", *map(len, parts)) + b"".join(parts)


def _wild_numbers(choices: Choices, templates: bytes) -> bytes:
    """Templates with numbers in them that no camera gives: not finite, or far too large."""
    out = bytearray(templates)
    wild = choices.pick((float("nan"), float("inf"), -float("inf"), 1e300, -1e300, 1e-310, 3e38))
    at = 12 + 8 * choices.number(6)
    if choices.number(2):
        out[at : at + 8] = struct.pack("<d", wild)
    else:
        at = len(out) - 4 * (1 + choices.number(2 * LENGTH))
        out[at : at + 4] = np.float32(choices.pick((np.nan, np.inf, 3e38, -3e38, 1e-45))).tobytes()
    return bytes(out)
