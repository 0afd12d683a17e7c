"""A process of its own in which one tower is loaded and used, so that its peak memory is that tower's alone.

It imports ``edge_runtime`` and nothing else, as a device does. Run by :mod:`export.comparison.memory`, it prints one
line of JSON, in bytes, or null where the system does not tell: ``idle`` (everything imported, no tower), ``loaded``
(the peak since then) and ``whole`` (the peak of the process).
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

import numpy as np

from edge_runtime.commands.console import emit
from edge_runtime.machine.memory import peak_bytes
from edge_runtime.towers.interpreter import choose_backend, import_backend
from edge_runtime.towers.tower import Tower

_PICTURES = 5
# Writing 5 here sets the peak back to what is resident now (Linux, proc(5)).
_FORGET = Path("/proc/self/clear_refs")


def main(words: list[str]) -> int:
    """Load the tower that the words name, embed a few pictures, and print what it took.

    Args:
        words: One JSON object: ``path``, ``threads``, ``family``.
    """
    asked = json.loads(words[0])
    import_backend(choose_backend(asked["family"]))
    imported = peak_bytes()
    with contextlib.suppress(OSError):
        _FORGET.write_text("5", encoding="ascii")
    idle = peak_bytes()
    tower = Tower.load(asked["path"], threads=asked["threads"], family=asked["family"])
    side = tower.spec.size_px
    tower.embed(np.random.default_rng(0).integers(0, 256, (_PICTURES, side, side, 3), dtype=np.uint8))
    loaded = peak_bytes()
    emit({"idle": idle, "loaded": loaded, "whole": max((p for p in (imported, loaded) if p is not None), default=None)})
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
