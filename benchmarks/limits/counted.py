"""Does things with marks between them, for valgrind: python -m benchmarks.limits.counted TIMES WHAT….

Each WHAT (see :func:`benchmarks.limits.actions.make_action`) is done once to warm up, and then between marks TIMES,
twice TIMES and again TIMES times. A mark is a call of C's ``getppid``; before it valgrind writes down what it counted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from benchmarks.limits.actions import make_action
from edge_runtime.errors import SiamliteError

MARK = "getppid"
# How often, in units of TIMES, between one mark and the next.
ROUNDS = (1, 2, 1)


def main(arguments: Sequence[str]) -> int:
    """Do it; returns the exit code."""
    times, *names = arguments
    try:
        actions = [make_action(name) for name in names]
    except SiamliteError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    for action in actions:
        action()
        for rounds in ROUNDS:
            os.getppid()
            for _ in range(rounds * int(times)):
                action()
        os.getppid()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
