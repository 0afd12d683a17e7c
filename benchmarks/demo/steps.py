"""Running siamlite's own commands, as a user would type them."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_runtime.commands.console import say
from edge_runtime.errors import SiamliteError


class StepFailed(SiamliteError):
    """A command of the demo failed; it has said why itself."""


@dataclass(slots=True, kw_only=True)
class Steps:
    """Runs commands and remembers them with the time that they took.

    Attributes:
        root: The checkout; commands run there.
        home: Siamlite's home folder for these commands, so that the user's own stays untouched.
        done: Each command line and its seconds.
    """

    root: Path
    home: Path
    done: list[tuple[str, float]] = field(default_factory=list)

    def run(self, module: str, *arguments: str | Path, good: Sequence[int] = (0,)) -> list[dict[str, Any]]:
        """Run ``python -m MODULE ARGUMENTS`` and read the JSON that it prints.

        Args:
            module: ``train``, ``export`` or ``edge_runtime``.
            *arguments: Its arguments.
            good: Exit codes that are no failure.

        Returns:
            The JSON objects on its standard output. What it says on standard error goes to the user.

        Raises:
            StepFailed: It exits with another code, or prints something else.
        """
        words = [str(argument) for argument in arguments]
        shown = f"{'siamlite' if module == 'edge_runtime' else f'python -m {module}'} {shlex.join(words)}"
        shown = shown.replace(f"{self.root}{os.sep}", "")
        say(f"\n$ {shown}")
        environment = os.environ | {"SIAMLITE_HOME": str(self.home), "PYTHONUNBUFFERED": "1"}
        start = time.monotonic()
        ended = subprocess.run(
            [sys.executable, "-m", module, *words], cwd=self.root, env=environment, stdout=subprocess.PIPE, check=False
        )
        self.done.append((shown, time.monotonic() - start))
        if ended.returncode not in good:
            raise StepFailed(f"the demo stopped: `{shown}` ended with {ended.returncode}.")
        try:
            return read_json_stream(ended.stdout.decode())
        except ValueError as error:
            raise StepFailed(f"the demo stopped: `{shown}` printed something else than JSON ({error}).") from error


def forget_settings(environment: MutableMapping[str, str]) -> None:
    """Take the user's own siamlite settings out of an environment: their keys and towers have no part in a demo."""
    for name in [name for name in environment if name.startswith("SIAMLITE_") and name != "SIAMLITE_CACHE"]:
        del environment[name]


def read_json_stream(text: str) -> list[dict[str, Any]]:
    """JSON objects that stand one behind the other, on one line each or on several.

    Raises:
        ValueError: There is something else between them.
    """
    decoder, found, at = json.JSONDecoder(), [], 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        found.append(value)
    return found
