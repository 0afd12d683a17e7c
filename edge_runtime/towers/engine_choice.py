"""Interpreter or ``CompiledModel``: proved to give the same results, and timed, on the machine at hand."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import TowerError
from edge_runtime.towers.backends import Backend
from edge_runtime.towers.engines import ClassicEngine, CompiledEngine, Engine, EngineOptions, TensorSpec

# Runs of each engine that are timed, in turn; the second one takes more memory and must be worth it.
_RUNS = 15
_WORTH_IT = 0.95


def load_engine(flatbuffer: bytes, backend: Backend, options: EngineOptions, *, threads: int) -> Engine:
    """Load a model in the engine that the options name, or in the faster one.

    Raises:
        MissingDependency: This interpreter has no ``CompiledModel``, or there is no such delegate.
        TowerError: ``CompiledModel`` gives other results than the interpreter.
        ValueError, RuntimeError, ImportError, AttributeError: The interpreter refuses the model.
    """
    classic = ClassicEngine(flatbuffer, backend, options, threads=threads)
    if options.engine == "interpreter" or (options.engine == "auto" and not backend.compiles):
        return classic
    compiled = CompiledEngine(flatbuffer, backend, options, threads=threads, like=classic)
    values = tuple(_example(spec) for spec in classic.inputs)
    same = same_results(classic.run(values), compiled.run(values))
    if options.engine == "compiled":
        if not same:
            raise TowerError(
                f"CompiledModel of {backend.distribution} {backend.version} gives other results than its Interpreter "
                "here. Leave out --engine compiled."
            )
        return compiled
    return compiled if same and _faster(compiled, classic, values) else classic


def same_results(ours: list[npt.NDArray[Any]], theirs: list[npt.NDArray[Any]]) -> bool:
    """Whether two engines agree: integers to the byte, floats to four digits of the largest value."""
    for a, b in zip(ours, theirs, strict=True):
        if a.shape != b.shape or a.dtype != b.dtype:
            return False
        if a.dtype.kind != "f":
            if not np.array_equal(a, b):
                return False
        elif not np.allclose(a, b, rtol=0, atol=1e-4 * max(1e-6, float(np.abs(a).max(initial=0)))):
            return False
    return True


def _faster(challenger: Engine, holder: Engine, values: tuple[npt.NDArray[Any], ...]) -> bool:
    times: dict[str, list[float]] = {challenger.name: [], holder.name: []}
    for _ in range(_RUNS):
        for engine in (challenger, holder):
            start = time.perf_counter()
            engine.run(values)
            times[engine.name].append(time.perf_counter() - start)
    return bool(np.median(times[challenger.name]) < _WORTH_IT * np.median(times[holder.name]))


def _example(spec: TensorSpec) -> npt.NDArray[Any]:
    """Values that a tensor may hold, the same ones each time."""
    rng = np.random.default_rng(0)
    if spec.dtype.startswith("float"):
        return rng.uniform(-1, 1, spec.shape).astype(spec.dtype)
    limits = np.iinfo(spec.dtype)
    return rng.integers(limits.min, limits.max, spec.shape, dtype=spec.dtype, endpoint=True)
