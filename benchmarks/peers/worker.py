"""A peer in a process and an environment of its own: ``python -m benchmarks.peers.worker MODULE JSON``.

It is told to look at frames on its standard input, and answers each on its standard output with one line of JSON.
A message to it is a line of JSON too; ``{"rows": 480, "columns": 640}`` is followed by the frame's bytes, BGR, and
``{"ask": "cost"}`` asks what the process has taken so far. It ends when its input does.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from benchmarks.peers.protocol import Pipeline, Stopwatch, peer_in
from edge_runtime.errors import SiamliteError
from edge_runtime.machine.memory import peak_bytes


def main(words: list[str]) -> int:
    """Load the peer and look at frames until the input ends."""
    module, given = words[0], json.loads(words[1])
    answers = _own_output()
    try:
        start = time.process_time()
        peer = peer_in(module)
        weights = {name: Path(path) for name, path in given["weights"].items()}
        pipeline = peer.load(weights, given["settings"])
        _answer(answers, {"ready": True, "load_cpu_s": time.process_time() - start})
        for line in iter(sys.stdin.buffer.readline, b""):
            _answer(answers, _reply(pipeline, json.loads(line)))
    except SiamliteError as error:
        _answer(answers, {"error": str(error)})
        return error.exit_code
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        # What libraries raise over a file that they cannot use; several of them have no narrower error.
        _answer(answers, {"error": " ".join(f"{type(error).__name__}: {error}".split())[:400]})
        return 3
    return 0


def _own_output() -> BinaryIO:
    """The standard output for answers alone: what libraries print goes to the standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _answer(answers: BinaryIO, value: dict[str, Any]) -> None:
    answers.write(json.dumps(value, allow_nan=False).encode() + b"\n")
    answers.flush()


def _reply(pipeline: Pipeline, asked: dict[str, Any]) -> dict[str, Any]:
    if asked.get("ask") == "cost":
        return {"cpu_s": time.process_time(), "peak_bytes": peak_bytes(), "versions": _versions()}
    shape = (asked["rows"], asked["columns"], 3)
    data = sys.stdin.buffer.read(int(np.prod(shape)))
    frame = np.frombuffer(data, dtype=np.uint8).reshape(shape)
    watch = Stopwatch()
    vector = pipeline.embed(frame, watch)
    row = None if vector is None else [float(value) for value in np.asarray(vector, dtype=np.float32).ravel()]
    if row is not None and not np.isfinite(row).all():
        raise ValueError("its vector is not finite: the file is damaged, or it is given another kind of input")
    return {
        "vector": row,
        "wall_ms": watch.wall_ms,
        "cpu_ms": watch.cpu_ms,
        "cpu_s": time.process_time(),
        "peak_bytes": peak_bytes(),
    }


def _versions() -> dict[str, str]:
    return {held.name: held.version for held in sorted(distributions(), key=lambda held: held.name.lower())}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
