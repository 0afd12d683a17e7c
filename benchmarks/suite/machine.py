"""The machine and the versions that a run is of."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import edge_runtime
from edge_runtime.machine.device import device_name
from edge_runtime.machine.state import machine_state

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = (
    "ai-edge-litert", "tflite-runtime", "numpy", "opencv-python-headless", "opencv-python", "tensorflow", "keras",
    "pytest-benchmark",
)  # fmt: skip
_MEMORY = Path("/proc/meminfo")


def describe_machine() -> dict[str, Any]:
    """Plain values: ``name``, ``folder``, ``system``, ``memory_gb``, and ``versions`` of what computes."""
    versions = {"python": platform.python_version(), "siamlite": edge_runtime.__version__}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    total = _memory("MemTotal")
    return {
        "name": device_name(),
        "folder": folder_name(device_name()),
        "system": f"{platform.system()} {platform.release()}",
        "memory_gb": None if total is None else round(total / 1e9, 1),
        "versions": versions,
    }


def folder_name(device: str) -> str:
    """The folder of a device: "AMD EPYC, 2 cores, x86_64" gives ``amd-epyc-2-cores-x86-64``."""
    return re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-")


def state() -> dict[str, Any]:
    """Governor, clock, temperature, throttling now, where the machine tells, and how many processes want to run."""
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    return {**asdict(machine_state()), "load_average": load}


def commit() -> str | None:
    """The commit that is checked out, with ``+`` behind it if files differ from it; None outside a checkout."""
    short = _git("rev-parse", "--short=10", "HEAD")
    if short is None:
        return None
    return f"{short}+" if _git("status", "--porcelain", "--untracked-files=no") else short


def free_bytes() -> int | None:
    """Memory that can be had; None where the system does not tell."""
    return _memory("MemAvailable")


def _memory(name: str) -> int | None:
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", _MEMORY.read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def _git(*words: str) -> str | None:
    try:
        ran = subprocess.run(["git", *words], cwd=_ROOT, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return ran.stdout.strip() if ran.returncode == 0 else None
