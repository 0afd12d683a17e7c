"""The time of all networks in one run, in turns, so that other work on the machine hits all of them alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.architectures.scores import KINDS
from edge_runtime.commands.console import say
from edge_runtime.machine.device import OtherWork
from edge_runtime.towers.bundle import read_bundle
from edge_runtime.towers.interpreter import Interpreter
from edge_runtime.towers.preprocess import InputSpec
from edge_runtime.towers.shipped import find_tower
from train.towers.measure import time_in_turns

REFERENCE = "accurate"
REFERENCE_SPEC = InputSpec(size_px=150, colour="rgb")


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Milliseconds of one inference, the network alone.

    Attributes:
        candidates: By name and kind: ``median_ms`` and ``p95_ms``.
        reference: The same of the shipped tower.
        busy_cores: Cores that other processes kept busy meanwhile, if that is known.
    """

    candidates: dict[str, dict[str, dict[str, float]]]
    reference: dict[str, float]
    busy_cores: float | None


def reference_file() -> bytes:
    """The flatbuffer of the shipped tower, checked against its hashes."""
    return read_bundle(find_tower(REFERENCE)).flatbuffer


def time_all(folder: Path, names: Sequence[str], *, threads: int, repeats: int) -> Times:
    """Time the files that :func:`benchmarks.architectures.scores.convert` left, and the shipped tower among them.

    Args:
        folder: It holds a folder for each name.
        names: The networks.
        threads: Threads to compute with.
        repeats: Timed runs of each file.
    """
    say(f"timing {len(names)} networks in turns …")
    slots = [(name, kind) for name in names for kind in KINDS]
    files = [(folder / name / f"{kind}.tflite").read_bytes() for name, kind in slots]
    models = [Interpreter(data, threads=threads) for data in [*files, reference_file()]]
    others = OtherWork()
    *taken, reference = time_in_turns(models, repeats=repeats)
    busy = others.busy_cores()
    held: dict[str, dict[str, Any]] = {name: {} for name in names}
    for (name, kind), latency in zip(slots, taken, strict=True):
        held[name][kind] = asdict(latency)
    return Times(candidates=held, reference=asdict(reference), busy_cores=busy)
