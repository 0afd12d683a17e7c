"""A first run of a stranger's TFLite file in a process of its own: what crashes there takes nothing else with it.

    python -m export.adoption.trial [FAMILY] < model.tflite

It prints the input and output tensors as one line of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from edge_runtime.errors import SiamliteError, TowerError
from edge_runtime.towers.interpreter import Interpreter, TensorSpec

_ROOT = Path(__file__).resolve().parents[2]
_REFUSED = 3
_PATIENCE_S = 120


def try_flatbuffer(flatbuffer: bytes, *, name: str, family: str | None) -> tuple[list[TensorSpec], list[TensorSpec]]:
    """Load a model and run it once on zeros, in another process.

    Args:
        flatbuffer: The model.
        name: What a message calls it.
        family: Which interpreter; the preferred one if None.

    Returns:
        Its inputs and its outputs.

    Raises:
        TowerError: The interpreter refuses it, crashes over it, or does not come back.
    """
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "export.adoption.trial", *([family] if family else [])],
            input=flatbuffer,
            capture_output=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")])},
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TowerError(f"{name} does not finish within {_PATIENCE_S} s: it is no tower for a device.") from error
    if ran.returncode == 0:
        found = json.loads(ran.stdout)
        return [_tensor(values) for values in found["inputs"]], [_tensor(values) for values in found["outputs"]]
    said = ran.stdout.decode(errors="replace").strip() if ran.returncode == _REFUSED else ""
    said = said or "the interpreter crashes over it, so it is damaged or cut short"
    raise TowerError(f"{name} cannot be used: {said.rstrip('.')}. Copy it again, or give another model.")


def _tensor(values: dict[str, object]) -> TensorSpec:
    return TensorSpec(**(values | {"shape": tuple(values["shape"])}))  # type: ignore[arg-type]


def _main() -> int:
    try:
        interpreter = Interpreter(sys.stdin.buffer.read(), family=sys.argv[1] if len(sys.argv) > 1 else None)
        interpreter.run(*(np.zeros(tensor.shape, dtype=tensor.dtype) for tensor in interpreter.inputs))
    except SiamliteError as error:
        print(" ".join(str(error).splitlines()))
        return _REFUSED
    print(
        json.dumps(
            {which: [asdict(tensor) for tensor in getattr(interpreter, which)] for which in ("inputs", "outputs")}
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(_main())
