"""An ONNX file, by way of a converter that is installed in an environment of its own: onnx2tf."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from edge_runtime.errors import MissingDependency, TowerError
from edge_runtime.files import sha256_file
from export.adoption.model import ForeignFile, ForeignModel
from export.adoption.saved_model import open_saved_model

CONVERTER = "onnx2tf"
# The release that was tried; it asks for another TensorFlow than siamlite's, so it gets its own environment.
TRIED = "1.29.24"
_INSTALL = (
    f"Give it an environment of its own: python3 -m venv onnx && onnx/bin/pip install {CONVERTER}=={TRIED}, then add "
    "--converter-python onnx/bin/python"
)
_PATIENCE_S = 1800
# It would fetch photographs of this name to compare its steps by. Noise does as well, and needs no network.
_SAMPLES = "calibration_image_sample_data_20x128x128x3_float32.npy"


def open_onnx(source: ForeignFile) -> ForeignModel:
    """Convert an ONNX file to a SavedModel in a folder for temporary files, and open that.

    Raises:
        MissingDependency: The converter is not installed where it was looked for.
        TowerError: It cannot convert the file, or the result is no tower.
        UsageError: It has several outputs and none was named, or the named one is not there.
    """
    python = str(source.converter_python or sys.executable)
    version = _converter_version(python)
    with tempfile.TemporaryDirectory(prefix="siamlite-onnx-") as folder:
        out = Path(folder) / source.path.stem
        _convert(python, source.path, out)
        model = open_saved_model(
            replace(source, path=out, converter_python=None),
            kind=f"onnx by {CONVERTER} {version}",
            sha256=sha256_file(source.path),
        )
    return model


def _converter_version(python: str) -> str:
    code = f"import importlib.metadata as m; print(m.version({CONVERTER!r}))"
    try:
        ran = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingDependency(f"{python} cannot be run ({_reason(error)}). {_INSTALL}") from error
    if ran.returncode:
        raise MissingDependency(f"ONNX files need the converter {CONVERTER}, which {python} does not have. {_INSTALL}")
    return ran.stdout.strip()


def _convert(python: str, path: Path, out: Path) -> None:
    words = [python, "-m", CONVERTER, "-i", str(path.resolve()), "-o", str(out), "-osd", "-b", "1", "-n"]
    np.save(out.parent / _SAMPLES, np.random.default_rng(0).uniform(size=(20, 128, 128, 3)).astype(np.float32))
    try:
        # It leaves files where it runs.
        ran = subprocess.run(
            words,
            cwd=out.parent,
            capture_output=True,
            text=True,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TowerError(f"{CONVERTER} does not finish {path} within {_PATIENCE_S // 60} minutes.") from error
    if ran.returncode or not (out / "saved_model.pb").is_file():
        said = [line for line in (ran.stdout + ran.stderr).splitlines() if line.strip()]
        raise TowerError(f"{CONVERTER} cannot convert {path}: {_telling(said)}")


def _reason(error: Exception) -> str:
    """What the system says."""
    return getattr(error, "strerror", None) or type(error).__name__


def _telling(said: list[str]) -> str:
    """The line of a converter's talk that tells most: the last that names an error."""
    said = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in said]
    named = [line for line in said if "error" in line.lower()]
    return (named or said or ["it does not say why."])[-1].strip()[:300]
