"""LiteRT's Interpreter, its CompiledModel with and without a weight cache, and no XNNPACK: speed, start, memory, bytes.

``python -m benchmarks.engines MODEL.tflite …`` prints one table (Markdown) for each model. The runs are timed in turn,
in one process; start and memory in a process for each.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.engines.ways import WAYS, example, load
from edge_runtime.commands.console import say
from edge_runtime.machine.device import OtherWork, device_name
from edge_runtime.towers.backends import choose_backend


def main() -> int:
    """Measure the models that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.tflite")
    parser.add_argument("--runs", type=int, default=300, help="timed runs of each way, in turn (default: 300)")
    parser.add_argument("--starts", type=int, default=5, help="processes for each way (default: 5)")
    options = parser.parse_args()
    backend, work = choose_backend(), OtherWork()
    for path in options.models:
        print(f"\n{path.name} on {backend.distribution} {backend.version}, one thread, {device_name()}\n")
        print("| way | run, ms (p95) | start, ms of CPU | memory, MB | bytes |\n|---|--:|--:|--:|---|")
        with tempfile.TemporaryDirectory() as folder:
            _measure(path, Path(folder), options.runs, options.starts)
    print(f"\nOther processes kept {work.busy_cores()} cores busy.")
    return 0


def _measure(path: Path, folder: Path, runs: int, starts: int) -> None:
    flatbuffer = path.read_bytes()
    engines = {name: load(name, flatbuffer, folder) for name in WAYS}
    values = example(engines["Interpreter"])
    reference = [output.tobytes() for output in engines["Interpreter"].run(values)]
    times: dict[str, list[float]] = {name: [] for name in WAYS}
    for turn in range(runs + runs // 10):
        for name, engine in engines.items():
            start = time.perf_counter()
            engine.run(values)
            if turn >= runs // 10:
                times[name].append((time.perf_counter() - start) * 1e3)
    for name, engine in engines.items():
        same = [output.tobytes() for output in engine.run(values)] == reference
        p50, p95 = np.percentile(times[name], [50, 95])
        began = [_start(path, name, folder) for _ in range(starts)]
        load_ms = statistics.median(one["load_ms"] for one in began)
        memory = statistics.median(one["memory_mb"] for one in began)
        word = "the same" if same else "others"
        print(f"| {name} | {p50:.3f} ({p95:.3f}) | {load_ms:.0f} | {memory:.1f} | {word} |", flush=True)
    _damage(flatbuffer, folder, reference)


def _start(path: Path, name: str, folder: Path) -> dict[str, float]:
    words = [sys.executable, "-m", "benchmarks.engines.worker", str(path), name, str(folder)]
    ran = subprocess.run(words, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def _damage(flatbuffer: bytes, folder: Path, reference: list[bytes]) -> None:
    """Change weights in the cache: is it noticed?"""
    cache = folder / "weights.cache"
    data = np.frombuffer(cache.read_bytes(), np.uint8).copy()
    data[len(data) // 4 : len(data) // 2] ^= 0x55
    cache.write_bytes(data.tobytes())
    try:
        engine = load("CompiledModel, weight cache", flatbuffer, folder)
        same = [output.tobytes() for output in engine.run(example(engine))] == reference
    except (RuntimeError, ValueError) as error:
        say(f"a weight cache whose bytes were changed is refused: {error}")
        return
    results = "the same" if same else "other"
    print(f"\nA weight cache whose bytes were changed is taken without an error, and gives {results} results.")


if __name__ == "__main__":
    raise SystemExit(main())
