"""A process of its own in which one model is loaded in one way: what that computes and how much memory it takes."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from benchmarks.engines.ways import load
from edge_runtime.machine.memory import resident_bytes
from edge_runtime.towers.backends import choose_backend, import_backend


def main(words: list[str]) -> int:
    """Load the model ``words[0]`` in the way ``words[1]``, with the folder ``words[2]``; print one line of JSON."""
    path, way, folder = words
    flatbuffer = Path(path).read_bytes()
    import_backend(choose_backend())
    before, start = resident_bytes() or 0, time.process_time()
    engine = load(way, flatbuffer, Path(folder))
    spent = time.process_time() - start
    taken = (resident_bytes() or 0) - before
    print(json.dumps({"engine": engine.name, "load_ms": spent * 1e3, "memory_mb": taken / 1e6}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
