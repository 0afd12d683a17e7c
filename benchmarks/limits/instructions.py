"""How many instructions one embedding and one detection take: a figure that no other work on the machine touches.

valgrind's callgrind runs the program on a processor of its own and counts. Of a round of n and one of 2n, the
difference is n times the action alone: the loop's own start and end are in both.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.limits.counted import MARK, ROUNDS
from edge_runtime.errors import DataError, MissingDependency, SiamliteError

_ROOT = Path(__file__).resolve().parents[2]
_TIMEOUT_S = 3600
_TOTALS = re.compile(r"^totals: (\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Instructions of one action.

    Attributes:
        what: The action.
        times: How often it was done in a round of one.
        rounds: Instructions of the rounds of one, two and again one.
        each: Instructions of one action: the difference of the second round and the first, divided by ``times``.
        again: The same of the second round and the third.
    """

    what: str
    times: int
    rounds: tuple[int, ...]

    @property
    def each(self) -> float:
        """Instructions of one action."""
        return (self.rounds[1] - self.rounds[0]) / self.times

    @property
    def again(self) -> float:
        """The same, of the second round and the third."""
        return (self.rounds[1] - self.rounds[2]) / self.times

    def as_mapping(self) -> dict[str, Any]:
        """The values as JSON holds them."""
        return {**asdict(self), "rounds": list(self.rounds), "each": self.each, "again": self.again}


def count_instructions(what: Sequence[str], *, times: int = 2, valgrind: str = "valgrind") -> list[Count]:
    """Count the instructions of some actions, in a process of its own.

    Args:
        what: The actions, see :func:`benchmarks.limits.actions.make_action`.
        times: How often each is done in a round of one.
        valgrind: The program.

    Raises:
        MissingDependency: There is no valgrind here.
        SiamliteError: It failed.
    """
    found = shutil.which(valgrind)
    if found is None:
        raise MissingDependency(
            f"instructions are counted by valgrind, and {valgrind} is not installed here. On Debian: apt install "
            "valgrind; or leave them out with --no-count."
        )
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind.out"
        tool = [found, "-q", "--tool=callgrind", f"--callgrind-out-file={out}", f"--dump-before={MARK}"]
        program = [sys.executable, "-s", "-B", "-m", "benchmarks.limits.counted", str(times), *what]
        # A hash seed of each process's own would make dictionaries take a different number of steps each time.
        one = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        try:
            ran = subprocess.run(
                [*tool, *program], cwd=_ROOT, env={**os.environ, **one}, capture_output=True, text=True,
                errors="replace", timeout=_TIMEOUT_S, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SiamliteError(f"valgrind could not count: {error}. Leave it out: --no-count") from error
        if ran.returncode != 0:
            said = (ran.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise SiamliteError(f"valgrind could not count: {said} Leave it out: --no-count")
        return read_counts(Path(folder), what, times)


def read_counts(folder: Path, what: Sequence[str], times: int) -> list[Count]:
    """Read callgrind's files, one for what lay between two marks: ``callgrind.out.1``, ``.2``, ….

    Raises:
        DataError: There are not as many as there were marks, or one holds no total.
    """
    between = len(ROUNDS) + 1
    parts = [folder / f"callgrind.out.{number}" for number in range(1, between * len(what) + 1)]
    if not all(part.is_file() for part in parts) or (folder / f"callgrind.out.{len(parts) + 1}").exists():
        raise DataError(f"valgrind wrote {len(list(folder.iterdir()))} files, not one for each of {len(parts)} marks.")
    totals = [parse_total(part.read_text(encoding="utf-8", errors="replace"), part.name) for part in parts]
    return [
        Count(what=name, times=times, rounds=tuple(totals[between * number + 1 : between * (number + 1)]))
        for number, name in enumerate(what)
    ]


def parse_total(text: str, name: str) -> int:
    """The instructions that a file of callgrind's says were counted.

    Raises:
        DataError: It says none.
    """
    found = _TOTALS.search(text)
    if found is None:
        raise DataError(f"{name} is no whole file of callgrind's: it has no line of totals.")
    return int(found[1])
