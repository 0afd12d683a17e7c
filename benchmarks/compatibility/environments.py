"""The environments that the comparison runs in: each made by ``make runtimes`` from a lock of its own."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from edge_runtime.errors import MissingDependency, TowerError
from export.preflight.verdicts import target_of
from export.runtimes.environment import OtherEnvironment

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {
    "ai-edge-litert-2": ".venv",
    "ai-edge-litert-1.4": ".venv-litert-1.4",
    "tflite-runtime-2.14": ".venv-tflite-runtime",
}
_QUANTIZER = ".venv-litert-quantizer"
_MAKE = "Make it: make runtimes (Python 3.10 or 3.11)"


def missing_environments() -> list[str]:
    """Those of the three that are not there."""
    return [name for name, folder in FOLDERS.items() if not (ROOT / folder / "bin/python").exists()]


def environments() -> dict[str, OtherEnvironment]:
    """The three interpreters, by the names that preflight gives them.

    Raises:
        MissingDependency: An environment is not there, or holds another interpreter than it should.
    """
    if missing := missing_environments():
        raise MissingDependency(f"there is no environment for {', '.join(missing)}. {_MAKE}")
    found = {name: OtherEnvironment(python=ROOT / folder / "bin/python") for name, folder in FOLDERS.items()}
    for name, runtime in found.items():
        if target_of(runtime.backend) != name:
            raise MissingDependency(
                f"{FOLDERS[name]} holds {runtime.backend.distribution} {runtime.backend.version}, not {name}. {_MAKE}"
            )
    return found


def litert_quantized(flatbuffer: bytes, recipe: str) -> bytes:
    """A float model, quantized by the package ``litert-quantizer``.

    Args:
        flatbuffer: The float32 model.
        recipe: One of the package's recipes, such as ``"dynamic_wi8_afp32"``.

    Raises:
        MissingDependency: Its environment is not there.
        TowerError: It cannot quantize the model.
    """
    python = ROOT / _QUANTIZER / "bin/python"
    if not python.exists():
        raise MissingDependency(f"there is no environment for litert-quantizer. {_MAKE}")
    with tempfile.TemporaryDirectory(prefix="siamlite-quantizer-") as name:
        source, target = Path(name) / "float32.tflite", Path(name) / "quantized.tflite"
        source.write_bytes(flatbuffer)
        script = Path(__file__).with_name("quantize.py")
        ran = subprocess.run([python, script, source, target, recipe], cwd=name, capture_output=True, text=True)
        if ran.returncode or not target.is_file():
            raise TowerError(f"litert-quantizer cannot make {recipe}: {ran.stderr.strip().splitlines()[-1:]}")
        return target.read_bytes()
