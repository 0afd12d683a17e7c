"""The project's wheel, built and installed beside its dependencies: here, and in the emulated user space."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.arm.stages import once
from benchmarks.arm.tools import last_complaint
from benchmarks.arm.userland import ROOT, Settings, Userland
from benchmarks.arm.wheels import install_wheels, locked, read_lock
from edge_runtime.errors import SiamliteError

_TIMEOUT_S = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A wheel that is installed in a folder.

    Attributes:
        wheel: The wheel's name.
        folder: Folder to import from.
        script: The command ``siamlite`` that pip made.
    """

    wheel: str
    folder: Path
    script: Path


def build_wheel(into: Path) -> Path:
    """Build the project's wheel from the checkout.

    Raises:
        SiamliteError: It cannot be built.
    """
    for old in into.glob("*.whl"):
        old.unlink()
    _run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(into), str(ROOT)],
        "build the wheel",
    )
    return next(iter(into.glob("*.whl")))


def install_wheel(wheel: Path, into: Path) -> Installed:
    """Let pip install the wheel into a folder, without what it depends on.

    Raises:
        SiamliteError: pip refuses it.
    """
    # A wheel without machine code is the same on every machine; the other Python is older or newer than this one.
    options = [
        "--no-deps",
        "--no-index",
        "--no-compile",
        "--ignore-requires-python",
        "--upgrade",
        "--target",
        str(into),
    ]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *options, str(wheel)]
    _run(pip, f"install {wheel.name}")
    return Installed(wheel=wheel.name, folder=into.resolve(), script=(into / "bin/siamlite").resolve())


def add_dependencies(userland: Userland, settings: Settings) -> Path:
    """Everything that the device's lock pins, as aarch64 wheels by hash: what ``pip install -r`` would bring there.

    Raises:
        FetchError: A wheel is not to be had.
    """
    pins = locked(read_lock("ai-edge-litert", ROOT), userland.python_version)
    requirements = "".join(pins.values())

    def fill(into: Path) -> None:
        install_wheels(
            requirements, into, python_version=userland.python_version, keep=settings.cache / "wheels",
            files=settings.files, advice=settings.advice,
        )  # fmt: skip

    folder = settings.cache / f"device-python{userland.python_version}"
    inputs = {"requirements": hashlib.sha256(requirements.encode()).hexdigest()}
    return once(folder, inputs, fill, what="fetching the aarch64 wheels of requirements/edge.txt")


def _run(command: list[str], doing: str) -> None:
    try:
        ran = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SiamliteError(f"could not {doing}: {error}.") from error
    if ran.returncode != 0:
        raise SiamliteError(f"could not {doing}: {last_complaint(ran.stderr or ran.stdout)} Run: make install")
