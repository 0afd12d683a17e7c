"""The TFLite interpreters, behind one small interface. No other file imports them."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edge_runtime.commands.quiet import quiet_stderr
from edge_runtime.errors import MissingDependency, TowerError, UsageError

Family = Literal["litert", "tflite-runtime"]

# In order of preference: family, module, distribution. Full-int8 results of the first are the same bytes on every
# machine and version; the second computes some of them otherwise, so it makes another embedding space.
_BACKENDS: tuple[tuple[Family, str, str], ...] = (
    ("litert", "ai_edge_litert.interpreter", "ai-edge-litert"),
    ("tflite-runtime", "tflite_runtime.interpreter", "tflite-runtime"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """An interpreter that is installed here.

    Attributes:
        family: Embeddings of one family may be compared: LiteRT's full-int8 ones are the same bytes everywhere,
            tflite-runtime's differ by single steps between x86-64 and Arm.
        distribution: Name of the package that brings it.
        version: Its version.
    """

    family: Family
    distribution: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """Shape, type and quantization of one input or output (``step`` is 0 where it is not quantized)."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    step: float
    zero_point: int


def installed_backends() -> list[Backend]:
    """The interpreters that are installed here, the preferred one first."""
    found = []
    for family, module, distribution in _BACKENDS:
        with contextlib.suppress(ImportError, importlib.metadata.PackageNotFoundError):
            if importlib.util.find_spec(module) is not None:
                version = importlib.metadata.version(distribution)
                found.append(Backend(family=family, distribution=distribution, version=version))
    return found


def choose_backend(family: str | None = None) -> Backend:
    """The preferred interpreter, or the one of a family.

    Raises:
        UsageError: The family is unknown.
        MissingDependency: It is not installed.
    """
    families = [name for name, _, _ in _BACKENDS]
    if family is not None and family not in families:
        raise UsageError(f"unknown interpreter {family!r}; known are {', '.join(families)}.")
    for backend in installed_backends():
        if family in (None, backend.family):
            return backend
    extra = "tflite-runtime" if family == "tflite-runtime" else "edge"
    missing = "no TFLite interpreter is" if family is None else f"the interpreter {family!r} is not"
    raise MissingDependency(f"{missing} installed here. Run: pip install 'siamlite[{extra}]'")


def import_backend(backend: Backend) -> Any:
    """The module of an interpreter, imported on the first call: that takes time and memory of its own.

    Raises:
        ImportError: It is installed but cannot be imported.
    """
    return importlib.import_module(next(module for family, module, _ in _BACKENDS if family == backend.family))


class Interpreter:
    """A TFLite model, ready to run.

    Attributes:
        backend: The interpreter that runs it.
        inputs: Its input tensors.
        outputs: Its output tensors.
    """

    def __init__(self, flatbuffer: bytes, *, threads: int = 1, family: str | None = None) -> None:
        """Load a model.

        Args:
            flatbuffer: The model's bytes.
            threads: Threads to compute with.
            family: Which interpreter; the preferred one that is installed if None.

        Raises:
            UsageError: The number of threads or the family is wrong.
            MissingDependency: No interpreter is installed.
            TowerError: The interpreter does not take the model.
        """
        if not 1 <= threads <= 64:
            raise UsageError(f"threads must be from 1 to 64, not {threads}.")
        _check_root(flatbuffer)
        self.backend = choose_backend(family)
        with quiet_stderr() as said:
            try:
                module = import_backend(self.backend)
                self._interpreter = module.Interpreter(model_content=flatbuffer, num_threads=threads)
                self._interpreter.allocate_tensors()
            except (ValueError, RuntimeError, ImportError, AttributeError) as error:
                reason = (str(error) or said()).strip().splitlines() or [type(error).__name__]
                raise TowerError(
                    f"{self.backend.distribution} {self.backend.version} refuses this model: {reason[0]}"
                ) from error
        self.inputs = [_tensor_spec(detail) for detail in self._interpreter.get_input_details()]
        self.outputs = [_tensor_spec(detail) for detail in self._interpreter.get_output_details()]

    def run(self, *values: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Run the model once.

        Args:
            *values: One array for each input, of its shape and type.

        Returns:
            A copy of each output, raw (not dequantized).

        Raises:
            TowerError: The interpreter fails, or an array has the wrong shape or type.
        """
        try:
            for spec, value in zip(self.inputs, values, strict=True):
                self._interpreter.set_tensor(spec.index, value)
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(spec.index) for spec in self.outputs]
        except (ValueError, RuntimeError) as error:
            raise TowerError(f"{self.backend.distribution} failed to run the model: {error}") from error


def dequantize(raw: npt.NDArray[Any], spec: TensorSpec) -> npt.NDArray[np.float32]:
    """The real values of an output: ``(raw - zero_point) * step``, or the output itself where it is float."""
    if spec.step == 0:
        return np.asarray(raw, dtype=np.float32)
    return (raw.astype(np.float32) - np.float32(spec.zero_point)) * np.float32(spec.step)


def _check_root(flatbuffer: bytes) -> None:
    """Refuse bytes that have no root table: tflite-runtime 2.14 reads beyond their end and crashes.

    A flatbuffer begins with the offset of its root table, which begins with the distance back to its vtable, which
    begins with its own length.

    Raises:
        TowerError: The bytes are no TFLite model.
    """
    if flatbuffer[4:8] != b"TFL3":
        raise TowerError("this is not a TFLite model: it lacks the TFL3 mark.")
    end = len(flatbuffer)
    root = int.from_bytes(flatbuffer[:4], "little")
    vtable = root - int.from_bytes(flatbuffer[root : root + 4], "little", signed=True)
    length = int.from_bytes(flatbuffer[vtable : vtable + 2], "little") if 0 <= vtable <= end - 4 else 0
    if not 8 <= root <= end - 4 or length < 4 or vtable + length > end:
        raise TowerError("this is not a TFLite model: it is cut short or damaged.")


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
