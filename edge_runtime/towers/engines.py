"""The ways of running a model that the interpreters offer, and how one of them is chosen."""

from __future__ import annotations

import atexit
import functools
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import UsageError
from edge_runtime.towers.backends import Backend, import_backend, import_compiled
from edge_runtime.towers.delegates import Delegate, load_delegate

ENGINES = ("interpreter", "compiled", "auto")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """How a model is run.

    Attributes:
        engine: ``"interpreter"``; ``"compiled"``, LiteRT's ``CompiledModel``, which must prove that it gives the same
            results; or ``"auto"``, which times both when the model is loaded and keeps the faster one.
        xnnpack: Whether XNNPACK's kernels are used. Without them even int8 results are other ones.
        delegate: What else runs the model, or a part of it.
    """

    engine: str = "interpreter"
    xnnpack: bool = True
    delegate: Delegate | None = None

    def __post_init__(self) -> None:
        """Refuse what does not go together."""
        if self.engine not in ENGINES:
            raise UsageError(f"unknown engine {self.engine!r}; known are {', '.join(ENGINES)}.")
        if self.delegate is not None and (self.engine != "interpreter" or not self.xnnpack):
            raise UsageError("a delegate needs --engine interpreter, and decides itself on XNNPACK.")

    @property
    def kernels(self) -> str:
        """What computes, where it is not XNNPACK: results of different kernels are not comparable."""
        if self.delegate is not None:
            return f"with {self.delegate}"
        return "" if self.xnnpack else "without XNNPACK"

    def without_delegate(self) -> EngineOptions:
        """The same for a model that the delegate is not meant for: the detectors are float."""
        return EngineOptions(engine=self.engine, xnnpack=self.xnnpack)


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """Shape, type and quantization of one input or output (``step`` is 0 where it is not quantized)."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    step: float
    zero_point: int


class Engine(Protocol):
    """A loaded model.

    Attributes:
        name: ``"interpreter"`` or ``"compiled"``.
        inputs: Its input tensors.
        outputs: Its output tensors.
    """

    name: str
    inputs: list[TensorSpec]
    outputs: list[TensorSpec]

    def run(self, values: tuple[npt.NDArray[Any], ...]) -> list[npt.NDArray[Any]]:
        """A copy of each output, raw, for one array for each input."""
        ...


class ClassicEngine:
    """The ``Interpreter`` of either package."""

    name = "interpreter"

    def __init__(self, flatbuffer: bytes, backend: Backend, options: EngineOptions, *, threads: int) -> None:
        module = import_backend(backend)
        more: dict[str, Any] = {}
        if not options.xnnpack:
            more["experimental_op_resolver_type"] = module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        if options.delegate is not None:
            more["experimental_delegates"] = [load_delegate(options.delegate, module)]
        self._interpreter = module.Interpreter(model_content=flatbuffer, num_threads=threads, **more)
        self._interpreter.allocate_tensors()
        self.inputs = [_tensor_spec(detail) for detail in self._interpreter.get_input_details()]
        self.outputs = [_tensor_spec(detail) for detail in self._interpreter.get_output_details()]

    def run(self, values: tuple[npt.NDArray[Any], ...]) -> list[npt.NDArray[Any]]:
        """See :class:`Engine`."""
        for spec, value in zip(self.inputs, values, strict=True):
            self._interpreter.set_tensor(spec.index, value)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(spec.index) for spec in self.outputs]


class CompiledEngine:
    """LiteRT's ``CompiledModel`` on the processor."""

    name = "compiled"

    def __init__(
        self, flatbuffer: bytes, backend: Backend, options: EngineOptions, *, threads: int, like: Engine
    ) -> None:
        """Compile a model.

        Args:
            flatbuffer: The model.
            backend: LiteRT.
            options: How it is run.
            threads: Threads to compute with.
            like: The same model in the interpreter: a ``CompiledModel`` does not tell the quantization of its tensors.
        """
        module = import_compiled(backend)
        processor = module.CpuOptions(
            num_threads=threads,
            kernel_mode=module.CpuKernelMode.DELEGATE if options.xnnpack else module.CpuKernelMode.BUILTIN,
        )
        self.inputs, self.outputs = like.inputs, like.outputs
        # The model's bytes must live as long as the model.
        self._flatbuffer = flatbuffer
        self._model = module.CompiledModel.from_buffer(
            flatbuffer,
            environment=_environment(module),
            options=module.Options(hardware_accelerators=module.HardwareAccelerator.CPU, cpu_options=processor),
        )
        signature, names = next(iter(self._model.get_signature_list().items()))
        taken = self._model.get_input_tensor_details(signature)
        given = self._model.get_output_tensor_details(signature)
        self._takes = _in_order([taken[name]["name"] for name in names["inputs"]], self.inputs)
        self._gives = _in_order([given[name]["name"] for name in names["outputs"]], self.outputs)
        self._in, self._out = self._model.create_input_buffers(0), self._model.create_output_buffers(0)

    def run(self, values: tuple[npt.NDArray[Any], ...]) -> list[npt.NDArray[Any]]:
        """See :class:`Engine`."""
        for place, spec, value in zip(self._takes, self.inputs, values, strict=True):
            # The buffer would take any array of as many bytes.
            if value.shape != spec.shape or value.dtype != spec.dtype:
                raise ValueError(f"{spec.name} takes {spec.dtype} of {spec.shape}, not {value.dtype} of {value.shape}")
            self._in[place].write(np.ascontiguousarray(value))
        self._model.run_by_index(0, self._in, self._out)
        return [
            self._out[place].read(int(np.prod(spec.shape)), np.dtype(spec.dtype)).reshape(spec.shape)
            for place, spec in zip(self._gives, self.outputs, strict=True)
        ]


@functools.cache
def _environment(module: Any) -> Any:
    """LiteRT's environment, one for the process."""
    # Its destructors talk on standard error when the process ends, after everything that Python has to say.
    atexit.register(_hush)
    return module.Environment.create(options=module.EnvironmentOptions(runtime_path=str(Path(module.__file__).parent)))


def _hush() -> None:
    if sys.stderr is not None:
        sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _in_order(names: list[str], specs: list[TensorSpec]) -> list[int]:
    """For each tensor of the interpreter, its place in the signature."""
    return [names.index(spec.name) for spec in specs]


def _tensor_spec(detail: dict[str, Any]) -> TensorSpec:
    step, zero_point = detail["quantization"]
    return TensorSpec(
        index=int(detail["index"]),
        name=str(detail["name"]),
        shape=tuple(int(n) for n in detail["shape"]),
        dtype=np.dtype(detail["dtype"]).name,
        step=float(step),
        zero_point=int(zero_point),
    )
