"""Each way of running a model, loaded: what the product offers, and LiteRT's weight cache, which it does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.commands.quiet import quiet_stderr
from edge_runtime.towers.backends import choose_backend, import_compiled
from edge_runtime.towers.engines import ClassicEngine, CompiledEngine, Engine, EngineOptions

Way: TypeAlias = Callable[[bytes, Path], Engine]


def _classic(flatbuffer: bytes, _: Path) -> Engine:
    return ClassicEngine(flatbuffer, choose_backend(), EngineOptions(), threads=1)


def _plain(flatbuffer: bytes, _: Path) -> Engine:
    return ClassicEngine(flatbuffer, choose_backend(), EngineOptions(xnnpack=False), threads=1)


def _compiled(flatbuffer: bytes, folder: Path) -> Engine:
    like = _classic(flatbuffer, folder)
    return CompiledEngine(flatbuffer, choose_backend(), EngineOptions(), threads=1, like=like)


def _cached(flatbuffer: bytes, folder: Path) -> Engine:
    """A ``CompiledModel`` that keeps its packed weights in a file, and takes them from it the next time."""
    module = import_compiled(choose_backend())
    real = module.CpuOptions
    try:
        # The product's engine, with one more option than it gives.
        module.CpuOptions = lambda **named: real(**named, xnnpack_weight_cache_path=str(folder / "weights.cache"))
        return _compiled(flatbuffer, folder)
    finally:
        module.CpuOptions = real


WAYS: dict[str, Way] = {
    "Interpreter": _classic,
    "Interpreter, no XNNPACK": _plain,
    "CompiledModel": _compiled,
    "CompiledModel, weight cache": _cached,
}


def load(name: str, flatbuffer: bytes, folder: Path) -> Engine:
    """Load a model in one of the ways, without a word of the library's."""
    with quiet_stderr():
        engine = WAYS[name](flatbuffer, folder)
        # The library talks while it runs for the first time, too.
        engine.run(example(engine))
    return engine


def example(engine: Engine) -> tuple[npt.NDArray[Any], ...]:
    """Values for its inputs, the same ones each time."""
    rng = np.random.default_rng(0)
    values: list[npt.NDArray[Any]] = []
    for spec in engine.inputs:
        if spec.dtype == "float32":
            values.append(rng.uniform(-1, 1, spec.shape).astype(np.float32))
        else:
            limits = np.iinfo(spec.dtype)
            values.append(rng.integers(limits.min, limits.max, spec.shape, dtype=spec.dtype, endpoint=True))
    return tuple(values)
