"""A disk that fills up: the gallery opens every time, and holds what was acknowledged."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.gallery.samples import assert_right, new_gallery, person_rows, samples
from edge_runtime.errors import GalleryError
from edge_runtime.gallery.keys import Access
from edge_runtime.gallery.store import Gallery

_LENGTH, _DISK_BYTES = 64, 1 << 20


def full_disk(folder: Path, *, rounds: int = 40) -> dict[str, Any]:
    """Enrol until the disk is full, again with a little less room each time, and look at the gallery after each.

    On a disk of 1 MiB in memory, if this user may mount one; else with a limit on the size of files, which stops writes
    as a full disk does but leaves room for other files.

    Args:
        folder: For the disk or the gallery.
        rounds: How often.

    Returns:
        ``disk``, ``rounds``, ``refused`` (rounds that ended with an error), ``acknowledged`` enrolments, ``opened``,
        ``lost``, ``half`` (people who are there but were refused).
    """
    found = {"rounds": 0, "refused": 0, "acknowledged": 0, "opened": 0, "lost": 0, "half": 0}
    with _small_disk(folder) as mounted:
        for number in range(rounds):
            home = folder / f"{number}"
            path, access = new_gallery(home, _LENGTH)
            if mounted:
                # Every round meets the end of the disk at another byte.
                (home / "ballast").write_bytes(bytes(200_000 + 517 * number))
            acknowledged, refused = _fill(path, access, limit=None if mounted else 200_000 + 517 * number)
            there = assert_right(path, access, _LENGTH)
            found["rounds"] += 1
            found["refused"] += refused
            found["opened"] += 1
            found["acknowledged"] += len(acknowledged)
            found["lost"] += len(acknowledged - there)
            found["half"] += len(there - acknowledged)
            for file in home.iterdir():
                file.unlink()
            home.rmdir()
    return {"disk": "tmpfs of 1 MiB" if mounted else "limit on the size of files", **found}


def _fill(path: Path, access: Access, limit: int | None) -> tuple[set[int], bool]:
    """Enrol until it is refused; who was acknowledged, and whether it was."""
    acknowledged: set[int] = set()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        with Gallery.open(path, access=access) as gallery:
            for number in range(100_000):
                gallery.enrol(f"person {number}", samples(person_rows(number, _LENGTH)))
                acknowledged.add(number)
    except GalleryError:
        return acknowledged, True
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    return acknowledged, False


@contextlib.contextmanager
def _small_disk(folder: Path) -> Iterator[bool]:
    """A small disk at a folder; whether there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES},mode=700", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(words, check=False, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)
