"""What every parser owes to foreign bytes: the right result, or one of siamlite's errors in one line. Nothing else."""

from __future__ import annotations

import resource
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from edge_runtime.commands.printable import printable
from edge_runtime.errors import SiamliteError

MOST_SECONDS, MOST_BYTES = 2.0, 300 << 20
_LONGEST_MESSAGE = 2000
Attempt: TypeAlias = Callable[[bytes], None]
_ROOT = Path(__file__).resolve().parents[2]


class Wrong(Exception):
    """A case broke the contract although nothing was raised, such as altered data that was accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A parser that meets foreign bytes.

    Attributes:
        name: What it is called on the command line.
        what: What is read.
        seeds: Gives inputs that it reads, or nearly, to begin with; is given a folder to work in.
        make: Gives what tries one input, once for many; is given a folder to work in. It raises a
            :class:`~edge_runtime.errors.SiamliteError` where the input is refused, and :class:`Wrong` where it was
            taken for what it is not.
    """

    name: str
    what: str
    seeds: Callable[[Path], list[bytes]]
    make: Callable[[Path], Attempt]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A way to break the contract.

    Attributes:
        kind: ``"exception"``, ``"message"``, ``"accepted"``, ``"slow"`` or ``"memory"``; of a process that ended by
            itself ``"crash"`` or ``"hang"``.
        where: Where in the code, so that the same fault is counted once.
        words: What happened.
    """

    kind: str
    where: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one case did.

    Attributes:
        refused: Whether it was refused as it should be.
        finding: How it broke the contract; None if it did not.
    """

    refused: bool
    finding: Finding | None = None


def judge(attempt: Attempt, data: bytes, *, hidden: tuple[str, ...] = (), timed: bool = True) -> Outcome:
    """Try one input and hold what happens against the contract.

    Args:
        attempt: What tries it.
        data: The input.
        hidden: Words that no message may hold, such as the values of templates.
        timed: Whether time and memory are looked at too.
    """
    start, before = time.process_time(), _peak_bytes()
    refused, finding = False, None
    try:
        attempt(data)
    except SiamliteError as error:
        refused, finding = True, _message(error, hidden)
    except Wrong as error:
        finding = Finding(kind="accepted", where=_place(error), words=str(error))
    except MemoryError as error:
        finding = Finding(kind="memory", where=_place(error), words="MemoryError")
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        finding = Finding(kind="exception", where=_place(error), words=f"{type(error).__name__}: {error}"[:300])
    if timed and finding is None:
        finding = appetite(time.process_time() - start, _peak_bytes() - before)
    return Outcome(refused=refused, finding=finding)


def _message(error: SiamliteError, hidden: tuple[str, ...]) -> Finding | None:
    text = str(error)
    where = _place(error)
    if text != printable(text) or not text.strip():
        return Finding(kind="message", where=where, words=f"not one printable line: {text[:300]!r}")
    if len(text) > _LONGEST_MESSAGE:
        return Finding(kind="message", where=where, words=f"{len(text)} characters: {text[:200]}")
    if any(secret in text for secret in hidden):
        return Finding(kind="message", where=where, words="it shows what must stay hidden")
    return None


def appetite(seconds: float, grown: int) -> Finding | None:
    """What is wrong with a case that took so long and so many bytes more than any before; None if nothing is."""
    if seconds > MOST_SECONDS:
        return Finding(kind="slow", where="", words=f"{seconds:.1f} s of processor time")
    if grown > MOST_BYTES:
        return Finding(kind="memory", where="", words=f"{grown >> 20} MiB more than ever before")
    return None


def _place(error: BaseException) -> str:
    """The innermost line of siamlite's own that the error came through."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(_ROOT)]
    own = [f for f in frames if "fuzz" not in f.filename and ".venv" not in f.filename] or frames
    if not own:
        return type(error).__name__
    last = own[-1]
    return f"{Path(last.filename).relative_to(_ROOT)}:{last.lineno} {type(error).__name__}"


def _peak_bytes() -> int:
    """The most memory that this process has held so far (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
