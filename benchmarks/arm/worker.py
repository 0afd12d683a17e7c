"""What runs on both machines: towers over crops, by the device's own code. It imports edge_runtime and numpy alone.

python -m benchmarks.arm.worker JOB.json RESULT.npz
"""

from __future__ import annotations

import io
import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.errors import SiamliteError, TowerError
from edge_runtime.files import read_json, write_bytes
from edge_runtime.towers.bundle import read_bundle
from edge_runtime.towers.interpreter import Interpreter, choose_backend
from edge_runtime.towers.preprocess import InputSpec
from edge_runtime.towers.tower import Embedder


class _Keeping(Interpreter):
    """An interpreter that keeps what it gave last, as it gave it."""

    last: npt.NDArray[Any]

    def run(self, *values: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Run the model once (see :class:`edge_runtime.towers.interpreter.Interpreter`)."""
        outputs = super().run(*values)
        self.last = outputs[0]
        return outputs


def embed_both(
    flatbuffer: bytes, spec: InputSpec, crops_rgb: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32]]:
    """Embed crops as the device does, and look at the tower's output before it is scaled.

    Args:
        flatbuffer: The model.
        spec: What it takes in.
        crops_rgb: uint8 of shape (n, size_px, size_px, 3), RGB, aligned.

    Returns:
        The raw outputs, int8 or float32 of shape (n, d), and the embeddings, float32 of the same shape, rows of
        length 1.

    Raises:
        TowerError: The interpreter refuses the model or fails to run it.
    """
    embedder = Embedder(flatbuffer, spec)
    interpreter = embedder.interpreter = _Keeping(flatbuffer)
    raw, unit = [], []
    for crop in crops_rgb:
        unit.append(embedder.embed_one(crop))
        raw.append(interpreter.last[0])
    return np.stack(raw), np.stack(unit)


def run_job(job: dict[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """Embed the job's crops with each of its towers.

    Args:
        job: ``towers``, a list of objects with ``name``, ``file``, ``crops`` (an ``.npy`` file) and ``input`` (the
            specification of a model without a card, else null).

    Returns:
        ``raw-NAME`` and ``unit-NAME`` for each tower, and ``about``: JSON with the machine, the versions, and what was
        refused and why.
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    refused: dict[str, str] = {}
    for tower in job["towers"]:
        try:
            flatbuffer, spec = read_tower(Path(tower["file"]), tower["input"])
            crops = np.load(tower["crops"], allow_pickle=False)
            arrays[f"raw-{tower['name']}"], arrays[f"unit-{tower['name']}"] = embed_both(flatbuffer, spec, crops)
        except TowerError as error:
            refused[tower["name"]] = str(error)
    about = json.dumps({**describe(), "refused": refused}).encode()
    return {**arrays, "about": np.frombuffer(about, dtype=np.uint8)}


def read_tower(path: Path, given: dict[str, Any] | None) -> tuple[bytes, InputSpec]:
    """A model and what it takes in: by its card, whose hashes are checked, or by what is given for one without.

    Raises:
        TowerError: The file is missing, damaged or foreign.
    """
    if given is not None:
        return path.read_bytes(), InputSpec(**given)
    bundle = read_bundle(path)
    return bundle.flatbuffer, bundle.card.input


def describe() -> dict[str, str]:
    """This machine, and what runs on it."""
    backend = choose_backend()
    return {
        "machine": platform.machine(),
        "python": platform.python_version(),
        "interpreter": f"{backend.distribution} {backend.version}",
        "numpy": version("numpy"),
        "opencv": str(cv2.__version__),
    }


def main(arguments: list[str]) -> int:
    """Read the job, do it, write the result; returns the exit code."""
    try:
        job, result = arguments
        whole = io.BytesIO()
        np.savez(whole, **run_job(read_json(job, what="the job")))  # type: ignore[arg-type]
        write_bytes(result, whole.getvalue())
    except SiamliteError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
