"""``python -m benchmarks.compatibility table``: what preflight knows, out of real models in real interpreters."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.compatibility.environments import environments, litert_quantized
from benchmarks.compatibility.kernels import MIN_COSINE, cosine_of, distinct_cuts, float_outputs, measure_kernels
from benchmarks.compatibility.registry import known_versions, smallest_model
from benchmarks.compatibility.towers import TOWERS, conversions, trained_tower
from benchmarks.compatibility.zoo import zoo_models
from benchmarks.seeds.record import machine
from edge_runtime.commands.console import EXIT_OK, end_status, say
from edge_runtime.errors import TowerError
from edge_runtime.files import write_bytes, write_json
from export.preflight.operators import read_inputs, read_operators
from export.preflight.signatures import signature
from export.runtimes.environment import OtherEnvironment

QUANTIZER_RECIPES = ("dynamic_wi8_afp32", "dynamic_legacy_wi8_afp32", "weight_only_wi8_afp32", "dynamic_wi4_afp32")
_REFERENCE = "ai-edge-litert-2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A model to learn signatures from.

    Attributes:
        name: Network and recipe.
        flatbuffer: It.
        original: The same network in float32; None if there is none.
    """

    name: str
    flatbuffer: bytes
    original: bytes | None


def main(arguments: argparse.Namespace) -> int:
    """Measure, and write the table; returns the exit code."""
    runtimes = environments()
    samples = list(_samples(arguments))
    say(f"{len(samples)} models")
    values = {
        "command": "python -m benchmarks.compatibility table",
        "machine": machine(),
        "min_cosine": MIN_COSINE,
        "models": [sample.name for sample in samples],
        "runtimes": measure(runtimes, samples),
    }
    say(f"written: {write_json(arguments.table, values)}")
    return EXIT_OK


def measure(runtimes: dict[str, OtherEnvironment], samples: list[Sample]) -> dict[str, Any]:
    """What each interpreter takes, as the table has it."""
    cuts = distinct_cuts(sample.flatbuffer for sample in samples)
    expected = float_outputs(cuts, runtimes[_REFERENCE])
    found: dict[str, Any] = {}
    for name, runtime in runtimes.items():
        backend = runtime.backend
        versions = known_versions(runtime, smallest_model())
        kernels = measure_kernels(runtime, versions, cuts, expected)
        kernels["runs"] |= _whole(runtimes[_REFERENCE], runtime, samples, set(cuts))
        found[name] = {"interpreter": f"{backend.distribution} {backend.version}", "versions": versions, **kernels}
        end_status()
        say(f"{name}: {len(versions)} operators, " + ", ".join(f"{len(kernels[key])} {key}" for key in kernels))
    return found


def _whole(
    reference: OtherEnvironment, runtime: OtherEnvironment, samples: list[Sample], known: set[str]
) -> dict[str, float]:
    """Signatures that cannot run alone, proven by a whole model that has them and gives what its original gives."""
    proven: dict[str, float] = {}
    for sample in samples:
        wanted = {signature(operator) for operator in read_operators(sample.flatbuffer)} - known - set(proven)
        if not wanted or sample.original is None:
            continue
        generator = np.random.default_rng(0)
        shapes = [tensor.shape for tensor in read_inputs(sample.original)]
        inputs = [generator.uniform(-1, 1, size=(4, *shape)).astype(np.float32) for shape in shapes]
        try:
            given = runtime.run(sample.flatbuffer, *inputs)[0]
        except TowerError:
            continue
        cosine = cosine_of(given, reference.run(sample.original, *inputs)[0])
        if cosine >= MIN_COSINE:
            proven |= dict.fromkeys(wanted, round(cosine, 4))
    return proven


def _samples(arguments: argparse.Namespace) -> Iterator[Sample]:
    kept: Path = arguments.work / "compatibility"
    made = dict((*_kept_zoo(kept / "zoo"), *_tower_files(arguments, kept)))
    for name, flatbuffer in made.items():
        network = name.rpartition(" ")[0]
        yield Sample(name=name, flatbuffer=flatbuffer, original=made[f"{network} float32"])
    for name, original in made.items():
        network, _, recipe = name.rpartition(" ")
        for other in QUANTIZER_RECIPES if recipe == "float32" else ():
            path = kept / "quantizer" / f"{network} {other}.tflite"
            if not path.is_file():
                write_bytes(path, litert_quantized(original, other))
            yield Sample(name=f"{network} litert-quantizer {other}", flatbuffer=path.read_bytes(), original=original)


def _kept_zoo(folder: Path) -> Iterator[tuple[str, bytes]]:
    done = folder / "done"
    if not done.is_file():
        for name, flatbuffer in zoo_models():
            say(name)
            write_bytes(folder / f"{name}.tflite", flatbuffer)
        write_bytes(done, b"")
    for path in sorted(folder.glob("*.tflite")):
        yield path.stem, path.read_bytes()


def _tower_files(arguments: argparse.Namespace, kept: Path) -> Iterator[tuple[str, bytes]]:
    for tower in TOWERS:
        trained = trained_tower(tower, arguments.work, wheels=arguments.wheels, pictures=1)
        for recipe, flatbuffer in conversions(trained, kept / f"{tower}-files"):
            yield f"{tower} {recipe}", flatbuffer
