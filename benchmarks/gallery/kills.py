"""kill -9 at random points during enrolments: what was acknowledged is there, and nothing is half there."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.gallery.samples import assert_right, new_gallery, person_rows, samples
from edge_runtime.gallery.keys import Access
from edge_runtime.gallery.store import Gallery

_LENGTH = 64


def kills(folder: Path, *, count: int = 500, seed: int = 0) -> dict[str, Any]:
    """Kill a process that enrols, again and again, and look at the gallery after each time.

    Every tenth process changes the key of everybody instead, every fifth removes people between its enrolments.

    Args:
        folder: For the gallery.
        count: How many processes are killed.
        seed: Of the moments at which they are.

    Returns:
        ``killed``, ``acknowledged`` enrolments, ``opened`` (how often the gallery opened afterwards), ``lost``
        (acknowledged but not there), ``left`` (removed but there), and ``killed_during``.
    """
    path, access = new_gallery(folder, _LENGTH)
    chance, next_number = random.Random(seed), 0
    expected: set[int] = set()
    found = {"killed": 0, "acknowledged": 0, "opened": 0, "lost": 0, "left": 0}
    during: Counter[str] = Counter()
    while found["killed"] < count:
        task = "rekey" if found["killed"] % 10 == 9 else "remove" if found["killed"] % 5 == 4 else "enrol"
        lines = _killed(path, access, task, next_number, sorted(expected), chance.uniform(0, 0.06))
        found["killed"] += 1
        during[task] += 1
        begun: set[int] = set()
        for line in lines:
            word, number = line.split()
            if word == "begin":
                begun.add(int(number))
            elif word == "enrolled":
                expected.add(int(number))
                found["acknowledged"] += 1
            elif word == "removed":
                expected.discard(int(number))
            next_number = max(next_number, int(number) + 1)
        there = assert_right(path, access, _LENGTH)
        found["opened"] += 1
        # Of the one change that was under way either outcome is right.
        found["lost"] += len(expected - there - begun)
        found["left"] += len(there - expected - begun)
        expected = there
    return {**found, "people_at_the_end": len(expected), "killed_during": dict(during)}


def _killed(path: Path, access: Access, task: str, first: int, there: list[int], after_s: float) -> list[str]:
    """What a process said before it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _work(path, access, task, first, there, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        # Whoever has not begun yet can lose nothing: the clock runs from the first word on.
        said = stream.read(1)
        time.sleep(after_s)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        said += stream.read()
    return said.decode().split("\n")[:-1]


def _work(path: Path, access: Access, task: str, first: int, there: list[int], out: int) -> None:
    from edge_runtime.gallery.rewriting import rekey

    try:
        with Gallery.open(path, access=access) as gallery:
            for number in range(first, first + 1_000_000):
                os.write(out, f"begin {number}\n".encode())
                gallery.enrol(f"person {number}", samples(person_rows(number, _LENGTH)))
                os.write(out, f"enrolled {number}\n".encode())
                if task == "rekey":
                    rekey(gallery)
                if task == "remove" and len(there) > 5:
                    gone = there.pop(0)
                    os.write(out, f"begin {gone}\n".encode())
                    gallery.remove(f"person {gone}")
                    os.write(out, f"removed {gone}\n".encode())
    finally:
        os._exit(1)
