"""The command line, run in this process and held against the same contract."""

from __future__ import annotations

import contextlib
import io

from benchmarks.fuzz.contract import Wrong
from edge_runtime.commands.cli import main
from edge_runtime.errors import SiamliteError, UsageError


def command(*words: object) -> str:
    """Run ``siamlite`` and return what it printed on standard output.

    Raises:
        SiamliteError: It ended with one line of error, which is the message.
        Wrong: It ended in any other way but well.
    """
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(word) for word in words])
        except SystemExit as stop:
            # argparse says in its own way what is wrong with a command line.
            raise UsageError(f"argparse ended it with {stop.code}.") from None
    said = err.getvalue()
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    if "unexpected" in said or "Traceback" in said or len(errors) > 1 or "\x1b" in said + out.getvalue():
        raise Wrong(f"exit code {code}: {said[-300:]!r}")
    if errors:
        raise SiamliteError(errors[0])
    if code not in (0, 1):
        raise Wrong(f"exit code {code} without a word: {said[-300:]!r}")
    return out.getvalue()
