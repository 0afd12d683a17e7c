"""Which types each interpreter's kernels cope with: operators cut out of real models, run on their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.compatibility.cut import Cut, cut_operators, with_version
from edge_runtime.commands.console import say
from export.preflight.operators import read_operators
from export.preflight.signatures import signature
from export.runtimes.environment import OtherEnvironment

# Rounding to 8 bits leaves an operator far above this, a wrong kernel far below.
MIN_COSINE = 0.98

Versions = Mapping[str, tuple[int, int]]


def distinct_cuts(flatbuffers: Iterable[bytes]) -> dict[str, tuple[str, int, Cut]]:
    """One operator for each signature that the models have.

    Returns:
        For each signature the operator's name, its version and the operator on its own. Those that only read weights
        from the file are left out, for no interpreter runs them alone, and those with four-bit weights.
    """
    found: dict[str, tuple[str, int, Cut]] = {}
    for flatbuffer in flatbuffers:
        for operator, cut in zip(read_operators(flatbuffer), cut_operators(flatbuffer), strict=True):
            if cut is not None and cut.inputs:
                found.setdefault(signature(operator), (operator.name, operator.version, cut))
    return found


def float_outputs(cuts: Mapping[str, tuple[str, int, Cut]], reference: OtherEnvironment) -> dict[str, npt.NDArray[Any]]:
    """What each operator gives in floating point, cut off where its output type ends."""
    twins = [words for words, (_, _, cut) in cuts.items() if cut.twin is not None]
    ran = reference.run_each([(cuts[words][2].twin or b"", cuts[words][2].inputs) for words in twins])
    real = {words: cut.inputs[0] for words, (_, _, cut) in cuts.items() if cut.twin is None}
    for words, outputs in zip(twins, ran, strict=True):
        if isinstance(outputs, str):
            say(f"{words} has no float twin that runs: {outputs}")
        else:
            real[words] = outputs[0]
    return {words: np.clip(values, cuts[words][2].lowest, cuts[words][2].highest) for words, values in real.items()}


def measure_kernels(
    runtime: OtherEnvironment,
    versions: Versions,
    cuts: Mapping[str, tuple[str, int, Cut]],
    expected: Mapping[str, npt.NDArray[Any]],
) -> dict[str, dict[str, Any]]:
    """Run each operator in an interpreter.

    An operator of a version that it does not know is run as the newest that it knows: what its kernel does with the
    types is another question than whether it takes the file.

    Args:
        runtime: The interpreter.
        versions: The versions that it knows.
        cuts: From :func:`distinct_cuts`.
        expected: From :func:`float_outputs`.

    Returns:
        ``runs`` and ``wrong`` with cosines, ``refused`` with what was said.
    """
    result: dict[str, dict[str, Any]] = {"runs": {}, "wrong": {}, "refused": {}}
    wanted = [words for words in expected if cuts[words][0] in versions]
    jobs = [_known(cuts[words], versions) for words in wanted]
    for words, outputs in zip(wanted, runtime.run_each(jobs), strict=True):
        if isinstance(outputs, str):
            result["refused"][words] = outputs[:200]
        else:
            cosine = cosine_of(outputs[0], expected[words])
            result["runs" if cosine >= MIN_COSINE else "wrong"][words] = round(cosine, 4)
    return result


def _known(held: tuple[str, int, Cut], versions: Versions) -> tuple[bytes, tuple[npt.NDArray[np.float32], ...]]:
    name, version, cut = held
    newest = versions[name][1]
    return cut.flatbuffer if version <= newest else with_version(cut.flatbuffer, newest), cut.inputs


def cosine_of(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    """Cosine similarity of two arrays as vectors; 0 where one of them is zero or not finite."""
    first, second = a.ravel().astype(np.float64), b.ravel().astype(np.float64)
    length = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second / length) if np.isfinite(length) and length > 0 else 0.0
