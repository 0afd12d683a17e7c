"""The two sides of a comparison: this machine, and an emulated one. Both run the same worker."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.arm.tools import last_complaint, run_tool
from benchmarks.arm.userland import ROOT, Userland
from edge_runtime.errors import SiamliteError

_WORKER = "benchmarks.arm.worker"
_TIMEOUT_S = 3600
# Variables of this machine's Python and loader that mean nothing, or harm, over there.
_OURS = ("PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "LD_LIBRARY_PATH", "LD_PRELOAD", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """How to run the worker somewhere.

    Attributes:
        name: What messages call it.
        command: The words before ``-m``.
        path: Folders to import from, besides the command's own.
        foreign: Whether this machine's Python variables are kept from it.
    """

    name: str
    command: tuple[str, ...]
    path: tuple[Path, ...]
    foreign: bool = False

    def environment(self, ours: Mapping[str, str]) -> dict[str, str]:
        """The variables that it runs with."""
        kept = {name: value for name, value in ours.items() if not (self.foreign and name in _OURS)}
        # Threads of the mathematics library do nothing here but slow the emulator's start.
        one = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        path = [*map(str, self.path), *([ours["PYTHONPATH"]] if ours.get("PYTHONPATH") and not self.foreign else [])]
        return {**kept, **one, "PYTHONPATH": os.pathsep.join(path)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """What a machine made of a job.

    Attributes:
        about: Its architecture and versions (see :func:`benchmarks.arm.worker.describe`).
        raw: Raw outputs by tower, int8 or float32 of shape (n, d).
        unit: Embeddings by tower, float32 of the same shape.
        refused: Towers that its interpreter refused, and why.
    """

    about: dict[str, str]
    raw: dict[str, npt.NDArray[Any]]
    unit: dict[str, npt.NDArray[np.float32]]
    refused: dict[str, str]


def this_machine(python: Path | None = None) -> Machine:
    """This machine, with the Python that runs or another one."""
    # Not resolved: a virtual environment's Python is a link that must be called by its own name.
    chosen = python.absolute() if python is not None else sys.executable
    return Machine(name="this machine", command=(str(chosen), "-s", "-B"), path=(ROOT,))


def emulated_machine(userland: Userland, libraries: Sequence[Path], processor: str) -> Machine:
    """An emulated one.

    Args:
        userland: Its user space.
        libraries: Folders of its wheels.
        processor: A model that qemu knows, such as ``cortex-a72``; it decides which of the interpreter's routines run.
    """
    command = (
        str(userland.qemu.absolute()),
        "-cpu",
        processor,
        "-L",
        str(userland.root),
        str(userland.python),
        "-s",
        "-B",
    )
    return Machine(name=f"the emulated {processor}", command=command, path=(ROOT, *libraries), foreign=True)


def qemu_version(qemu: Path) -> str:
    """Version of an emulator, such as ``10.0.2``.

    Raises:
        MissingDependency: It is not there.
        FetchError: It does not run here.
    """
    advice = "Give a qemu for aarch64 with --qemu PATH, or leave the option out."
    said = run_tool([qemu, "--version"], doing=f"run {qemu}", advice=advice)
    words = said.split()
    return words[words.index("version") + 1] if "version" in words[:-1] else "unknown"


def embed(machine: Machine, job: Path, result: Path) -> Embedded:
    """Let a machine do a job.

    Args:
        machine: Which.
        job: The job file (see :func:`benchmarks.arm.worker.run_job`).
        result: The ``.npz`` to write.

    Raises:
        SiamliteError: The worker failed, or the emulator died.
    """
    run_worker(machine, _WORKER, job, result)
    return read_result(result)


def run_worker(machine: Machine, worker: str, job: Path, result: Path) -> None:
    """Let a machine run a worker on a job.

    Args:
        machine: Which.
        worker: The worker's module; it takes the two paths.
        job: The job file.
        result: The ``.npz`` to write.

    Raises:
        SiamliteError: The worker failed, or the emulator died.
    """
    result.unlink(missing_ok=True)
    command = [*machine.command, "-m", worker, str(job), str(result)]
    try:
        ended = subprocess.run(
            command, cwd=result.parent, env=machine.environment(os.environ), capture_output=True, text=True,
            errors="replace", stdin=subprocess.DEVNULL, timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SiamliteError(f"{machine.name} could not embed the faces: {error}.") from error
    if ended.returncode != 0:
        raise SiamliteError(explain(machine.name, ended.returncode, ended.stderr))


def explain(name: str, code: int, said: str, *, doing: str = "embed the faces") -> str:
    """Why a machine failed, in one line: a signal is the emulator's death, which has a known reason."""
    died = -code if code < 0 else code - 128
    if died in {int(number) for number in (signal.SIGSEGV, signal.SIGILL, signal.SIGABRT, signal.SIGBUS)}:
        return (
            f"{name} died of {signal.Signals(died).name}. qemu 7.2 does that with ai-edge-litert 2.2 and later: "
            "give a newer one with --qemu PATH, or an older interpreter with --interpreter ai-edge-litert==2.1.6."
        )
    return f"{name} could not {doing} (exit code {code}): {last_complaint(said)}"


def read_result(path: Path) -> Embedded:
    """What a worker wrote.

    Raises:
        SiamliteError: It is no whole result.
    """
    try:
        # From memory: of a damaged file that it opened itself, numpy would leave the handle open.
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
        about = json.loads(arrays.pop("about").tobytes())
        refused = about.pop("refused")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise SiamliteError(f"the worker left no whole result in {path} ({error}). Run it again.") from error
    parts: dict[str, dict[str, Any]] = {"raw": {}, "unit": {}}
    for name, values in arrays.items():
        kind, _, tower = name.partition("-")
        parts[kind][tower] = values
    return Embedded(about=about, raw=parts["raw"], unit=parts["unit"], refused=refused)
