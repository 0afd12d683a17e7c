"""What each tower costs in memory: fresh processes that hold the interpreter and one tower, in turns."""

from __future__ import annotations

import json
import logging
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from export.comparison.race import turns
from export.comparison.towers import Contender

_log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 3
_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Peak resident memory of a process that loads one tower and uses it, medians over the rounds.

    Attributes:
        tower_bytes: How much the peak rises from the moment when everything is imported but no tower is loaded.
        peak_bytes: The peak of the whole process: Python, numpy, OpenCV, interpreter and tower.
        rounds: How many processes there were.
    """

    tower_bytes: int
    peak_bytes: int
    rounds: int


def measure_memory(
    contenders: Sequence[Contender], *, threads: int = 1, family: str | None = None, rounds: int = ROUNDS, seed: int = 0
) -> list[Memory | None]:
    """Measure the peak memory of each tower.

    Args:
        contenders: The towers.
        threads: Threads to compute with.
        family: Which interpreter.
        rounds: Processes for each tower.
        seed: Of the order of the towers.

    Returns:
        For each tower its memory; None where the system does not tell it.
    """
    held: list[list[tuple[int, int]]] = [[] for _ in contenders]
    order = [int(tower) for row in turns(len(contenders), rounds, seed=seed) for tower in row]
    for tower in tqdm(order, desc="memory", unit="process", disable=not sys.stderr.isatty(), leave=False):
        figures = _ask(contenders[tower], threads=threads, family=family)
        if figures is not None:
            held[tower].append(figures)
    return [_summary(own) if len(own) == rounds else None for own in held]


def _summary(figures: Sequence[tuple[int, int]]) -> Memory:
    own, whole = zip(*figures, strict=True)
    return Memory(
        tower_bytes=round(statistics.median(own)), peak_bytes=round(statistics.median(whole)), rounds=len(figures)
    )


def _ask(one: Contender, *, threads: int, family: str | None) -> tuple[int, int] | None:
    """What the tower adds to a process, and the peak of the whole, in bytes."""
    words = json.dumps({"path": str(one.path.resolve()), "threads": threads, "family": family})
    command = [sys.executable, "-m", "export.comparison.memory_worker", words]
    try:
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=_TIMEOUT_S, check=True)
        figures = json.loads(ended.stdout)
        if None in figures.values():
            return None
        return int(figures["loaded"] - figures["idle"]), int(figures["whole"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, AttributeError) as error:
        _log.debug("the memory of %s was not measured: %s", one.name, error)
        return None
