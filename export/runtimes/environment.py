"""A TFLite interpreter that is installed in another Python environment than this one.

Two interpreters seldom fit into one environment (``tflite-runtime`` 2.14 wants numpy below 2), and a tower's thresholds
hold only for the one that they were measured in.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import TowerError
from edge_runtime.towers.interpreter import Backend
from edge_runtime.towers.preprocess import InputSpec
from export.runtimes.errand import Answer, WorkerCrashed, ask_worker

_STARTING_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherEnvironment:
    """An interpreter of another environment; a :class:`export.runtimes.runner.Runner`.

    Each call starts a process there. A model that crashes it is an error here and nothing more.

    Attributes:
        python: The environment's Python, such as ``ENV/bin/python``, or its name if it is on the path.
        family: Which interpreter, if it has several; the preferred one if None.
        timeout_s: Seconds after which a call is given up.
    """

    python: Path
    family: str | None = None
    timeout_s: float = 3600.0

    @property
    def backend(self) -> Backend:
        """Which interpreter it is.

        Raises:
            MissingDependency: There is none, or something else that a device needs is missing.
            UsageError: There is no such Python.
        """
        return _describe(self.python, self.family)

    def embed(self, flatbuffer: bytes, spec: InputSpec, crops_rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """See :meth:`export.runtimes.runner.Runner.embed`; raises what :attr:`backend` raises, too."""
        answer = self._ask("embed", [flatbuffer], [[crops_rgb]], spec=asdict(spec))
        return answer.arrays["embeddings"]

    def run(self, flatbuffer: bytes, *inputs: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
        """Run any model.

        Args:
            flatbuffer: The model.
            *inputs: Real values for each input, shape (n, …): n runs. They are quantized as the input wants them.

        Returns:
            The real values of each output, shape (n, …).

        Raises:
            TowerError: The interpreter refuses the model, or fails or crashes on it.
        """
        found = self.run_each([(flatbuffer, inputs)])[0]
        if isinstance(found, str):
            raise TowerError(found)
        return found

    def run_each(
        self, jobs: Sequence[tuple[bytes, Sequence[npt.NDArray[np.float32]]]]
    ) -> list[list[npt.NDArray[np.float32]] | str]:
        """Run several models, in one process as long as none of them crashes it.

        Args:
            jobs: Models with their inputs, as :meth:`run` takes them.

        Returns:
            For each its outputs, or what the interpreter says against it.
        """
        return self._each("run", [model for model, _ in jobs], [inputs for _, inputs in jobs])

    def refusals(self, flatbuffers: Sequence[bytes]) -> list[str | None]:
        """Load models without running them.

        Returns:
            For each what the interpreter says against it; None where it takes it.
        """
        return [said if isinstance(said, str) else None for said in self._each("load", flatbuffers, ())]

    def _each(
        self, task: str, models: Sequence[bytes], inputs: Sequence[Sequence[npt.NDArray[Any]]]
    ) -> list[list[npt.NDArray[np.float32]] | str]:
        found: list[list[npt.NDArray[np.float32]] | str] = []
        while len(found) < len(models):
            begin, end, crash = len(found), len(models), ""
            while True:
                try:
                    found += _outcomes(self._ask(task, models[begin:end], inputs[begin:end])) if end > begin else []
                    break
                except WorkerCrashed as error:  # Again, as far as that one; then on from the next.
                    end, crash = begin + error.at, str(error)
            found += [crash] if crash else []
        return found

    def times_ms(
        self, flatbuffers: Sequence[bytes], spec: InputSpec, crop_rgb: npt.NDArray[np.uint8], *, rounds: int
    ) -> npt.NDArray[np.float64]:
        """How long towers take, each in its turn, on one thread, without preprocessing.

        Args:
            flatbuffers: The towers, all with the same input.
            spec: What they take in.
            crop_rgb: uint8 of shape (size_px, size_px, 3), RGB.
            rounds: How often each is timed, after a tenth of it unmeasured.

        Returns:
            float64 of shape (towers, rounds), milliseconds.

        Raises:
            TowerError: The interpreter refuses a tower.
        """
        more = {"spec": asdict(spec), "rounds": rounds, "warm_up": max(1, rounds // 10)}
        return self._ask("time", flatbuffers, [[crop_rgb[None]]], **more).arrays["times_ms"]

    def _ask(
        self, task: str, models: Sequence[bytes], inputs: Sequence[Sequence[npt.NDArray[Any]]] = (), **more: Any
    ) -> Answer:
        backend = self.backend
        return ask_worker(
            self.python,
            {"task": task, "family": self.family, **more},
            models=models,
            inputs=inputs,
            who=f"{backend.distribution} {backend.version}",
            timeout_s=self.timeout_s,
        )


def _outcomes(answer: Answer) -> list[list[npt.NDArray[np.float32]] | str]:
    """For each model its outputs, in order, or why it was not run."""
    found: list[list[npt.NDArray[np.float32]] | str] = []
    for at, refusal in enumerate(answer.values["refusals"]):
        outputs = itertools.takewhile(lambda key: key in answer.arrays, (f"{at}-{n}" for n in itertools.count()))
        found.append(refusal if refusal is not None else [answer.arrays[key] for key in outputs])
    return found


@functools.lru_cache(maxsize=32)
def _describe(python: Path, family: str | None) -> Backend:
    answer = ask_worker(python, {"task": "describe", "family": family}, timeout_s=_STARTING_S)
    return Backend(**answer.values["backend"])
