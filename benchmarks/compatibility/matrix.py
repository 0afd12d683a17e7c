"""``python -m benchmarks.compatibility matrix``: three towers by every recipe in three interpreters."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.compatibility.environments import environments, litert_quantized
from benchmarks.compatibility.towers import (
    KEPT_FLOAT,
    RECIPE,
    TOWERS,
    TrainedTower,
    conversions,
    float_embeddings,
    trained_tower,
)
from benchmarks.seeds.record import machine
from edge_runtime.commands.console import EXIT_OK, say
from edge_runtime.errors import TowerError, UsageError
from edge_runtime.files import read_json, write_bytes, write_json
from export.runtimes.environment import OtherEnvironment

# Besides the recipes: what the package litert-quantizer makes of the float32 file.
QUANTIZER_RECIPES = ("dynamic_wi8_afp32", "weight_only_wi8_afp32")
FLOAT = "float32"


def main(arguments: argparse.Namespace) -> int:
    """Measure, and write the results; returns the exit code."""
    if arguments.rounds < 2 or arguments.pictures < 1:
        raise UsageError("--rounds must be 2 or more, --pictures 1 or more.")
    runtimes = environments()
    towers = {name: measure_tower(name, runtimes, arguments) for name in TOWERS}
    values = {
        "command": f"python -m benchmarks.compatibility matrix --pictures {arguments.pictures} "
        f"--rounds {arguments.rounds}",
        "machine": machine(),
        "interpreters": {name: f"{r.backend.distribution} {r.backend.version}" for name, r in runtimes.items()},
        "pictures": arguments.pictures,
        "recipe": RECIPE,
        "rounds": arguments.rounds,
        "kept_float": KEPT_FLOAT,
        "towers": towers,
    }
    say(f"written: {write_json(arguments.results, values)}")
    return EXIT_OK


def measure_tower(name: str, runtimes: dict[str, OtherEnvironment], arguments: argparse.Namespace) -> dict[str, Any]:
    """One tower in every interpreter."""
    trained = trained_tower(name, arguments.work, wheels=arguments.wheels, pictures=arguments.pictures)
    kept = arguments.work / "compatibility" / f"{name}-files"
    files = dict(conversions(trained, kept))
    files |= {f"litert-quantizer {recipe}": _quantized(files[FLOAT], recipe, kept) for recipe in QUANTIZER_RECIPES}
    exact = float_embeddings(trained)
    found: dict[str, Any] = {}
    embedded: dict[str, dict[str, npt.NDArray[np.float32]]] = {}
    for runtime_name, runtime in runtimes.items():
        say(f"{name} in {runtime_name} …")
        embedded[runtime_name], found[runtime_name] = measure_files(trained, files, runtime, exact, arguments.rounds)
    return {
        "size_px": trained.spec.size_px,
        "kept_float": read_json(kept / "kept-float.json", what="the layers kept in float")["layers"],
        "bytes": {recipe: len(flatbuffer) for recipe, flatbuffer in files.items()},
        "runtimes": found,
        "agreement": _agreement(embedded),
    }


def measure_files(
    trained: TrainedTower,
    files: dict[str, bytes],
    runtime: OtherEnvironment,
    exact: npt.NDArray[np.float32],
    rounds: int,
) -> tuple[dict[str, npt.NDArray[np.float32]], dict[str, Any]]:
    """Each file of a tower in one interpreter.

    Args:
        trained: The tower.
        files: Flatbuffers by recipe.
        runtime: The interpreter.
        exact: The embeddings in Keras, rows of length 1.
        rounds: Timed runs of each.

    Returns:
        The embeddings of those that ran; for each file whether it loads and runs, its cosines, its latency.
    """
    embedded: dict[str, npt.NDArray[np.float32]] = {}
    rows: dict[str, Any] = {}
    refusals = runtime.refusals(list(files.values()))
    for (recipe, flatbuffer), refusal in zip(files.items(), refusals, strict=True):
        rows[recipe] = {"loads": refusal is None, "runs": False, "said": refusal or ""}
        if refusal is not None:
            continue
        try:
            embedded[recipe] = runtime.embed(flatbuffer, trained.spec, trained.strangers)
        except TowerError as error:
            rows[recipe]["said"] = str(error)
            continue
        cosines = np.sum(embedded[recipe] * exact, axis=1, dtype=np.float64)
        rows[recipe] |= {"runs": True, "cosine_mean": _round(cosines.mean()), "cosine_min": _round(cosines.min())}
    names = list(embedded)
    times = runtime.times_ms([files[one] for one in names], trained.spec, trained.strangers[0], rounds=rounds)
    medians, slow = np.median(times, axis=1), np.percentile(times, 95, axis=1)
    base = medians[names.index(FLOAT)]
    for at, recipe in enumerate(names):
        rows[recipe] |= {
            "median_ms": round(float(medians[at]), 3),
            "p95_ms": round(float(slow[at]), 3),
            "ratio": round(float(medians[at] / base), 3),
        }
    return embedded, rows


def _agreement(embedded: dict[str, dict[str, npt.NDArray[np.float32]]]) -> dict[str, Any]:
    """How near the embeddings of one file are to those of the first interpreter, in each of the others."""
    first, *others = embedded
    found: dict[str, Any] = {}
    for other in others:
        found[other] = {}
        for recipe in embedded[other]:
            a, b = embedded[first].get(recipe), embedded[other][recipe]
            if a is not None:
                cosines = np.sum(a * b, axis=1, dtype=np.float64)
                found[other][recipe] = {
                    "identical": bool((a == b).all()),
                    "cosine_mean": _round(cosines.mean()),
                    "cosine_min": _round(cosines.min()),
                }
    return found


def _quantized(original: bytes, recipe: str, kept: Path) -> bytes:
    path = kept / "quantizer" / f"{recipe}.tflite"
    if not path.is_file():
        write_bytes(path, litert_quantized(original, recipe))
    return path.read_bytes()


def _round(value: float) -> float:
    return round(float(value), 6)
