"""How commands talk: data on stdout, talk on stderr, progress on a terminal only, errors as one line."""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from edge_runtime.errors import SiamliteError

EXIT_OK, EXIT_REFUSED, EXIT_USAGE, EXIT_FAULT, EXIT_INTERRUPTED = 0, 1, 2, 3, 130

_log = logging.getLogger(__name__)


def emit(value: dict[str, Any] | list[Any]) -> None:
    """Print a value as one line of JSON on stdout, at once."""
    print(json.dumps(value, ensure_ascii=False, allow_nan=False), flush=True)


def say(text: str) -> None:
    """Print a line of talk on stderr."""
    print(text, file=sys.stderr, flush=True)


def status(text: str) -> None:
    """Replace the status line, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def end_status() -> None:
    """End the status line."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def table(rows: list[list[str]]) -> str:
    """Rows of text in aligned columns; the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def run_command(
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None,
    *,
    talk: bool = False,
    interrupted: str = "interrupted",
) -> int:
    """Parse the arguments, run the command, and turn whatever happens into an exit code and at most one line.

    The chosen sub-command's ``run`` default is called with the parsed arguments and returns the exit code.

    Args:
        parser: Its sub-commands set ``run``; a ``--debug`` flag, if there is one, lets tracebacks through.
        argv: Arguments; those of the process if None.
        talk: Whether notes of progress are shown as well as warnings.
        interrupted: What is said after Ctrl-C.
    """
    arguments = parser.parse_args(argv)
    debug = bool(getattr(arguments, "debug", False))
    level = logging.DEBUG if debug else logging.INFO if talk else logging.WARNING
    with _log_on_stderr(level, "%(message)s" if talk else "%(levelname)s %(message)s"):
        return _run(arguments, debug=debug, interrupted=interrupted)


@contextlib.contextmanager
def _log_on_stderr(level: int, layout: str) -> Iterator[None]:
    """Show the log on stderr for as long as a command runs."""
    root = logging.getLogger()
    before = root.level
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(layout))
    root.addHandler(handler)
    root.setLevel(level)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def _run(arguments: argparse.Namespace, *, debug: bool, interrupted: str) -> int:
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        code = run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except SiamliteError as error:
        return _failed(str(error), error.exit_code, debug)
    except KeyboardInterrupt:
        end_status()
        say(interrupted)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone.
        _drop_output()
        return EXIT_FAULT
    except OSError as error:
        # Files that cannot be read or written have errors of their own; no name means the output itself.
        if error.errno != errno.ENOSPC or error.filename is not None:
            return _unexpected(error, debug)
        _drop_output()
        return _failed(f"cannot write the output: {error.strerror}. Free some space.", EXIT_FAULT, debug)
    except Exception as error:
        return _unexpected(error, debug)


def _drop_output() -> None:
    """Let what is still held for stdout go nowhere, lest Python complain again when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unexpected(error: Exception, debug: bool) -> int:
    words = f"unexpected {type(error).__name__}: {error}. Run it again with --debug for the details."
    return _failed(" ".join(words.split()), EXIT_FAULT, debug)


def _failed(message: str, code: int, debug: bool) -> int:
    end_status()
    if debug:
        _log.exception("the command failed")
    say(f"error: {' '.join(message.splitlines())}")
    return code
