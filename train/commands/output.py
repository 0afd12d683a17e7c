"""How the commands of training give their results."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from edge_runtime.commands.console import emit, say
from edge_runtime.errors import UsageError
from edge_runtime.files import refuse_overwrite
from edge_runtime.people import FACES_MARK


def report_result(report: dict[str, Any], text: str, *, as_json: bool) -> None:
    """Print a result on stdout: one line of JSON, or a text for a person.

    Args:
        report: What JSON shows; keys come out sorted.
        text: What a person reads.
        as_json: Which of the two.
    """
    if as_json:
        emit(dict(sorted(report.items())))
    else:
        print(text)


def say_next(program: str, *words: str | Path) -> None:
    """Print the command that comes next, so that it can be pasted into a shell whatever the paths are called.

    Args:
        program: What the command begins with (``python -m train``).
        words: The other words. A path must be a :class:`~pathlib.Path`: one that begins with a dash would be taken for
            an option.
    """
    say(f"next: {program} {shlex.join(_plain(word) for word in words)}")


def _plain(word: str | Path) -> str:
    return f"./{word}" if isinstance(word, Path) and str(word).startswith("-") else str(word)


def refuse_folder(path: str | Path, *, force: bool) -> None:
    """Refuse to write results into a folder that holds something, or, even if forced, what is no place for results.

    Raises:
        UsageError: The folder is not empty and ``force`` is false, or it is a file, a run or prepared faces.
    """
    target = Path(path)
    refuse_overwrite(target, force=force)
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is a file; --out takes a folder. Choose another --out.")
    held = {"config.json": "a run", "tower.keras": "a run", FACES_MARK: "prepared faces"}
    for name, what in held.items():
        if (target / name).exists():
            raise UsageError(f"{target} holds {what}, which --force does not replace here. Choose another --out.")
