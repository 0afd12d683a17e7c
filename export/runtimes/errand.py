"""Sending a request to a worker in another Python environment: files in a temporary folder, nothing pickled."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError, MissingDependency, SiamliteError, TowerError, UsageError, WriteError

_ROOT = Path(__file__).resolve().parents[2]
_RECIPE = "python3.11 -m venv ENV && ENV/bin/pip install -r requirements/tflite-runtime.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a worker replied.

    Attributes:
        values: Its ``reply.json``.
        arrays: Its ``arrays.npz``.
    """

    values: dict[str, Any]
    arrays: dict[str, npt.NDArray[Any]]


class WorkerCrashed(TowerError):
    """The interpreter took its process down with it.

    Attributes:
        at: Which of several models it was, counted from 0.
    """

    def __init__(self, message: str, *, at: int = 0) -> None:
        super().__init__(message)
        self.at = at


def ask_worker(
    python: Path,
    request: dict[str, Any],
    *,
    models: Sequence[bytes] = (),
    inputs: Sequence[Sequence[npt.NDArray[Any]]] = (),
    who: str = "the interpreter",
    timeout_s: float,
) -> Answer:
    """Have a request done in another environment.

    Args:
        python: The environment's Python.
        request: ``task``, ``family`` and what the task needs (see :mod:`export.runtimes.worker`).
        models: Flatbuffers.
        inputs: For each model its arrays, one for each of its inputs.
        who: The interpreter there, as an error shall call it.
        timeout_s: How long to wait.

    Raises:
        MissingDependency: Something that a device needs is not installed there.
        TowerError: The interpreter there refuses the model, fails or crashes on it, or does not come to an end.
        UsageError: There is no such Python, or it is no Python 3.
        WriteError: The folder for temporary files is full.
    """
    with tempfile.TemporaryDirectory(prefix="siamlite-runtime-") as name:
        folder = Path(name)
        try:
            _pack(folder, request, models, inputs)
        except OSError as error:
            raise WriteError(f"cannot write to the folder for temporary files: {error.strerror or error}.") from error
        ran = _start(python, folder, who, timeout_s)
        if not (folder / "reply.json").is_file():
            raise _crashed(python, folder, ran, who)
        values = json.loads((folder / "reply.json").read_text(encoding="utf-8"))
        if "error" in values:
            raise _refusal(python, values)
        return Answer(values=values, arrays=_read_arrays(folder / "arrays.npz"))


def _pack(
    folder: Path, request: dict[str, Any], models: Sequence[bytes], inputs: Sequence[Sequence[npt.NDArray[Any]]]
) -> None:
    names = [f"model-{i}.tflite" for i in range(len(models))]
    for name, model in zip(names, models, strict=True):
        (folder / name).write_bytes(model)
    for at, columns in enumerate(inputs):
        packed = io.BytesIO()
        named: dict[str, Any] = {str(i): array for i, array in enumerate(columns)}
        np.savez(packed, **named)
        (folder / f"inputs-{at}.npz").write_bytes(packed.getvalue())
    (folder / "request.json").write_text(json.dumps({**request, "models": names}), encoding="utf-8")


def _start(python: Path, folder: Path, who: str, timeout_s: float) -> subprocess.CompletedProcess[bytes]:
    # The environment's own settings, and this checkout; nothing that this process was told about Python.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment |= {"PYTHONPATH": str(_ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    # Not resolved: what a link in ENV/bin leads to does not know of ENV.
    found = Path(python if python.exists() else shutil.which(python) or python).absolute()
    command = [str(found), "-m", "export.runtimes.worker", str(folder)]
    try:
        return subprocess.run(
            command, cwd=_ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s
        )
    except subprocess.TimeoutExpired as error:
        raise TowerError(f"{who} did not finish this model within {timeout_s:g} s, and was stopped.") from error
    except OSError as error:
        raise UsageError(
            f"{python} is not a Python that can be started ({error.strerror or error}). Give the Python of an "
            f"environment with an interpreter, such as ENV/bin/python; make one: {_RECIPE}"
        ) from error


def _crashed(python: Path, folder: Path, ran: subprocess.CompletedProcess[bytes], who: str) -> SiamliteError:
    lines = ran.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
    if ran.returncode < 0:
        loading = folder / "loading"
        at = int(loading.read_text(encoding="utf-8")) if loading.is_file() else 0
        return WorkerCrashed(
            f"{who} crashed on this model ({_signal_name(-ran.returncode)}). Convert it by another recipe, or choose "
            "another interpreter.",
            at=at,
        )
    if "No space left" in lines[-1]:
        return WriteError("the folder for temporary files is full. Name another: TMPDIR=/path python -m export …")
    return UsageError(f"{python} cannot run siamlite's device code: {lines[-1][:300]}. Make an environment: {_RECIPE}")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _refusal(python: Path, values: dict[str, Any]) -> SiamliteError:
    message = str(values["message"])
    if values["error"] == "MissingDependency":
        what = message.partition(". Run: ")[0].rstrip(".")
        return MissingDependency(
            f"{python} cannot run towers: {what}. Run: {python} -m pip install -r requirements/tflite-runtime.txt "
            "(or requirements/edge.txt)"
        )
    error: SiamliteError = UsageError(message) if values["error"] == "UsageError" else TowerError(message)
    if values["cause"] == "DataError":
        error.__cause__ = DataError(message)
    return error


def _read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    if not path.is_file():
        return {}
    try:
        with np.load(path, allow_pickle=False) as held:
            return {name: held[name] for name in held.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise WriteError(f"the worker's results cannot be read: {error}. Is the disk full?") from error
