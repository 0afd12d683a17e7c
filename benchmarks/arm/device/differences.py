"""Two machines' answers and steps: the same, or what differs, first of all in which step."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.arm.compare import different_bytes
from benchmarks.arm.device.chain import STEPS
from benchmarks.arm.device.commands import Answer
from edge_runtime.errors import DataError, SiamliteError


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDifference:
    """What differs in what a step gave on two machines.

    Attributes:
        step: Which step.
        alone: Whether it began with the same values on both; else with what its forerunners gave on each.
        pictures: Number of pictures.
        pictures_differing: In how many of them a value differs.
        values: Number of values of all pictures.
        differing: How many of them differ in a bit.
        largest: Largest difference of two values, in their own unit.
    """

    step: str
    alone: bool
    pictures: int
    pictures_differing: int
    values: int
    differing: int
    largest: float

    def as_mapping(self) -> dict[str, Any]:
        """The values as JSON holds them."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """What a machine gave at each step.

    Attributes:
        about: Its architecture and versions, and where siamlite is installed.
        said: What came of each command, see :func:`benchmarks.arm.device.board.run_script`.
        values: By ``chain-STEP`` or ``alone-STEP``, arrays of shape (pictures, …).
    """

    about: dict[str, str]
    said: list[dict[str, Any]]
    values: dict[str, npt.NDArray[Any]]


def read_walk(path: Path) -> Walked:
    """What :mod:`benchmarks.arm.device.board` wrote.

    Raises:
        SiamliteError: It is no whole result.
    """
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as held:
            values = {name: held[name] for name in held.files}
        about, said = (json.loads(values.pop(name).tobytes()) for name in ("about", "said"))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise SiamliteError(f"the worker left no whole result in {path} ({error}). Run it again.") from error
    return Walked(about=about, said=said, values=values)


def step_difference(step: str, here: npt.NDArray[Any], there: npt.NDArray[Any], *, alone: bool) -> StepDifference:
    """Compare what a step gave on two machines, bit by bit.

    Args:
        step: Its name.
        here: Values of shape (pictures, …).
        there: Those of the other machine.
        alone: Whether both began with the same values.

    Raises:
        DataError: They are of different shapes or types, or of no picture.
    """
    if here.shape != there.shape or here.dtype != there.dtype or not here.size:
        kinds = f"{here.dtype} {here.shape} and {there.dtype} {there.shape}"
        raise DataError(f"the two machines' values of the step {step} are not of one kind: {kinds}.")
    differing = different_bytes(here, there).reshape(len(here), -1)
    distance = np.abs(here.astype(np.float64) - there.astype(np.float64))
    return StepDifference(
        step=step,
        alone=alone,
        pictures=len(here),
        pictures_differing=int(differing.any(axis=1).sum()),
        values=int(here.size),
        differing=int(differing.sum()),
        largest=float(distance.max()),
    )


def step_differences(here: Walked, there: Walked) -> list[StepDifference]:
    """Each step in the chain, and each on its own from what its forerunner gave here."""
    return [
        step_difference(step, here.values[f"chain-{step}"], there.values[f"{kind}-{step}"], alone=kind == "alone")
        for step in STEPS
        for kind in ("chain", "alone")
    ]


def answer_rows(here: Sequence[Answer], there: Sequence[Answer]) -> list[dict[str, Any]]:
    """Each command on two machines: its exit codes, and which parts of its answers differ.

    Raises:
        DataError: They did not run the same commands.
    """
    if [answer.words for answer in here] != [answer.words for answer in there]:
        raise DataError("the two machines did not run the same commands.")
    rows = []
    for first, second in zip(here, there, strict=True):
        ours, theirs = first.lasting, second.lasting
        parts = sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))
        rows.append(
            {
                "command": first.words,
                "code_here": first.code,
                "code_there": second.code,
                "same_decision": first.code == second.code and ours.get("outcome") == theirs.get("outcome"),
                "similarity_here": ours.get("similarity"),
                "similarity_there": theirs.get("similarity"),
                "differing": {name: [ours.get(name), theirs.get(name)] for name in parts},
            }
        )
    return rows
