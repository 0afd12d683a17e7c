"""A TFLite model in one of the interpreters, behind one small interface."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.commands.quiet import quiet_stderr
from edge_runtime.errors import TowerError, UsageError
from edge_runtime.towers.backends import Backend, Family, choose_backend, import_backend, installed_backends
from edge_runtime.towers.engine_choice import load_engine
from edge_runtime.towers.engines import EngineOptions, TensorSpec

__all__ = [
    "Backend",
    "EngineOptions",
    "Family",
    "Interpreter",
    "TensorSpec",
    "choose_backend",
    "dequantize",
    "import_backend",
    "installed_backends",
]


class Interpreter:
    """A TFLite model, ready to run.

    Attributes:
        backend: The interpreter that runs it.
        engine: Which of its ways: ``"interpreter"`` or ``"compiled"``.
        space: What results may be compared with: the family, and what computes where it is not XNNPACK.
        words: What runs it, with its version, for people.
        inputs: Its input tensors.
        outputs: Its output tensors.
    """

    def __init__(
        self, flatbuffer: bytes, *, threads: int = 1, family: str | None = None, options: EngineOptions | None = None
    ) -> None:
        """Load a model.

        Args:
            flatbuffer: The model's bytes.
            threads: Threads to compute with.
            family: Which interpreter; the preferred one that is installed if None.
            options: How it is run; the interpreter with XNNPACK if None.

        Raises:
            UsageError: The number of threads or the family is wrong.
            MissingDependency: No interpreter is installed, or not the engine or the delegate that was asked for.
            TowerError: The interpreter does not take the model.
        """
        if not 1 <= threads <= 64:
            raise UsageError(f"threads must be from 1 to 64, not {threads}.")
        _check_root(flatbuffer)
        self.backend = choose_backend(family)
        chosen = options or EngineOptions()
        with quiet_stderr() as said:
            try:
                self._engine = load_engine(flatbuffer, self.backend, chosen, threads=threads)
            except (ValueError, RuntimeError, ImportError, AttributeError) as error:
                reason = (str(error) or said()).strip().splitlines() or [type(error).__name__]
                raise TowerError(
                    f"{self.backend.distribution} {self.backend.version} refuses this model: {reason[0]}"
                ) from error
        self.engine = self._engine.name
        self.space = f"{self.backend.family} {chosen.kernels}".strip()
        self.words = f"{self.backend.distribution} {self.backend.version} {chosen.kernels}".strip()
        if self.engine != "interpreter":
            self.words += f", {self.engine}"
        self.inputs, self.outputs = self._engine.inputs, self._engine.outputs

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
            return self._engine.run(values)
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
