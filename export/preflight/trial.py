"""Running a file once, in a process of its own: does it give numbers that mean anything?

A network that diverged, or weights that were left out of the file, give NaN without an error. A stranger's file may
also crash whatever runs it, so nothing is run in this process.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import CheckFailed, TowerError
from edge_runtime.towers.interpreter import Backend
from edge_runtime.towers.preprocess import InputSpec
from export.delivery.golden import golden_crops
from export.preflight.operators import Tensor, read_inputs
from export.preflight.verdicts import Outcome, Verdict, target_of
from export.runtimes.environment import OtherEnvironment
from export.sources.keras_file import tower_values

# Two interpreters of one file differ by rounding; a wrong kernel leaves nothing of it.
MIN_COSINE = 0.9
_RUNS = 4
_MAX_VALUES = 1 << 24
_TIMEOUT_S = 300.0


def this_environment() -> OtherEnvironment:
    """The interpreter that is installed here, run in a process of its own."""
    return OtherEnvironment(python=Path(sys.executable), timeout_s=_TIMEOUT_S)


def usual_inputs(flatbuffer: bytes, spec: InputSpec | None = None) -> list[npt.NDArray[np.float32]]:
    """What to try a model with: the golden crops where it takes a picture, else noise.

    Args:
        flatbuffer: The model.
        spec: What it takes in, if that is known; else pictures are given as values from -1 to 1.

    Returns:
        For each input float32 of shape (4, …).

    Raises:
        CheckFailed: The size of an input is not fixed, or is out of all proportion.
        TowerError: It is no whole TFLite model.
    """
    generator = np.random.default_rng(0)
    return [_values(tensor, spec, generator) for tensor in read_inputs(flatbuffer)]


def _values(tensor: Tensor, spec: InputSpec | None, generator: np.random.Generator) -> npt.NDArray[np.float32]:
    # A batch that is not fixed is 1 for the interpreter.
    shape = tensor.shape if min(tensor.shape[1:], default=1) >= 0 else None
    if shape is None or not 0 < np.prod([abs(side) for side in shape], dtype=float) <= _MAX_VALUES:
        raise CheckFailed(f"its input {tensor.name!r} is of shape {list(tensor.shape)}: fix it, with batch 1.")
    if len(shape) == 4 and shape[1] == shape[2] and 16 <= shape[1] <= 512 and shape[3] in (1, 3):
        if spec is None or spec.shape != shape[1:]:
            spec = InputSpec(size_px=shape[1], colour="grey" if shape[3] == 1 else "rgb")
        return tower_values(golden_crops(shape[1]), spec)
    return generator.normal(size=(_RUNS, *shape[1:]) if shape else (_RUNS,)).astype(np.float32)


def try_out(
    flatbuffer: bytes, inputs: list[npt.NDArray[np.float32]], runtime: OtherEnvironment
) -> npt.NDArray[np.float32]:
    """Run a file and refuse what no tower gives.

    Args:
        flatbuffer: The model.
        inputs: From :func:`usual_inputs`.
        runtime: Where to.

    Returns:
        Its first output, float32 of shape (4, …).

    Raises:
        CheckFailed: What it gives is not finite, or is zero, or is the same for every input.
        TowerError: The interpreter refuses it, or fails or crashes on it.
    """
    outputs = runtime.run(flatbuffer, *inputs)
    if not outputs or not outputs[0].size:
        raise CheckFailed("the file gives nothing.")
    first = outputs[0]
    if not all(np.isfinite(output).all() for output in outputs):
        raise CheckFailed(
            "the file gives numbers that are not finite. Often its variables were not frozen into it: convert from "
            "model.export(…), not from tf.saved_model.save(…), as python -m export convert does."
        )
    if not first.any():
        raise CheckFailed("the file gives nothing but zeros. Convert it again: python -m export convert")
    if inputs and (first == first[0]).all():
        raise CheckFailed("the file gives the same for every input. Convert it again: python -m export convert")
    return first


def tried_verdict(
    flatbuffer: bytes,
    inputs: list[npt.NDArray[np.float32]],
    expected: npt.NDArray[np.float32],
    runtime: OtherEnvironment,
) -> Verdict:
    """A verdict by running the file and comparing with what it gives here.

    Args:
        flatbuffer: The model.
        inputs: From :func:`usual_inputs`.
        expected: Its first output in this environment.
        runtime: The interpreter to try.

    Raises:
        MissingDependency: There is no interpreter in that environment.
        UsageError: There is no such environment.
    """
    name = runtime_name(runtime.backend)
    outcome: Outcome = "wrong"
    remedy = "Export with --recipe int8, and try that file."
    try:
        given = try_out(flatbuffer, inputs, runtime)
    except CheckFailed as error:
        reason = f"run just now: {error}".rstrip(".")
    except TowerError as error:
        outcome, reason = "refused", str(error).rstrip(".?")
    else:
        cosine = _lowest_cosine(given, expected)
        reason = f"run just now: lowest cosine {cosine:.4f} to what it gives here"
        if cosine >= MIN_COSINE:
            outcome, remedy = "runs", ""
    return Verdict(
        runtime=name,
        outcome=outcome,
        operator="",
        layer="",
        reason=reason,
        remedy=remedy,
    )


def runtime_name(backend: Backend) -> str:
    """A target's name, or the interpreter's own where it is none of the measured ones."""
    return target_of(backend) or f"{backend.distribution} {backend.version}"


def _lowest_cosine(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    first, second = (rows.reshape(len(rows), -1).astype(np.float64) for rows in (a, b))
    if first.shape != second.shape:
        return 0.0
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return float((np.sum(first * second, axis=1) / np.maximum(lengths, 1e-30)).min())
