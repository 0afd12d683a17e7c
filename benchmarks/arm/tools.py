"""Other people's programs: run, waited for, and blamed in one line."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from edge_runtime.errors import FetchError, MissingDependency

_TIMEOUT_S = 1800
_LONGEST = 300


def run_tool(
    command: Sequence[str | Path], *, doing: str, advice: str, environment: Mapping[str, str] | None = None
) -> str:
    """Run a program to its end.

    Args:
        command: Its words.
        doing: What it is to do, for the error message ("unpack libc6").
        advice: How the user goes on when it fails, as a whole sentence.
        environment: Variables to set besides those of this process.

    Returns:
        What it printed on standard output.

    Raises:
        MissingDependency: The program is not installed.
        FetchError: It failed, or took longer than half an hour.
    """
    words = [str(word) for word in command]
    try:
        ended = subprocess.run(
            words, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S, check=False,
            stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {}), "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
    except FileNotFoundError as error:
        raise MissingDependency(f"could not {doing}: {words[0]} is not installed here. {advice}") from error
    except subprocess.TimeoutExpired as error:
        raise FetchError(
            f"could not {doing}: {words[0]} took longer than {_TIMEOUT_S // 60} minutes. {advice}"
        ) from error
    if ended.returncode != 0:
        raise FetchError(f"could not {doing}: {last_complaint(ended.stderr)} {advice}")
    return ended.stdout


def last_complaint(said: str) -> str:
    """The line of a program's standard error that says best what is wrong, shortened and with a full stop.

    That is apt's first ``E:``, pip's last ``ERROR``, otherwise the last line.
    """
    lines = [" ".join(line.split()) for line in said.splitlines() if line.strip()]
    apt = [line.removeprefix("E: ") for line in lines if line.startswith("E: ")]
    pip = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    best = apt[0] if apt else pip[-1] if pip else lines[-1] if lines else "it gave no reason"
    return best[:_LONGEST].rstrip(".") + "."
