"""A process of its own in which one command of ``siamlite`` is run: see :mod:`edge_runtime.machine.cold_start`."""

from __future__ import annotations

import json
import sys
import time

from edge_runtime.machine.memory import peak_bytes


def main(words: list[str]) -> int:
    """Run the command that the words name; after what it prints, one line of JSON on what it took.

    Args:
        words: One JSON object: ``words`` of the command, and ``start_s``, the monotonic clock before this process was
            started (one clock for all processes on Linux).
    """
    asked = json.loads(words[0])
    # As the real command does: nothing else is imported before it.
    from edge_runtime.commands.cli import main as siamlite

    code = siamlite(asked["words"])
    peak = peak_bytes()
    measured = {
        # Since the process was made, Python's own start included.
        "cpu_s": round(time.process_time(), 3),
        "wall_s": round(time.monotonic() - asked["start_s"], 3),
        "peak_mb": None if peak is None else round(peak / 1e6, 1),
    }
    print(json.dumps(measured), flush=True)
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
