"""From the start of a process to its first decision: time, computing and memory of a command that has just begun."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.errors import SiamliteError, UsageError
from edge_runtime.gallery.keys import Access
from edge_runtime.gallery.store import Gallery, Template
from edge_runtime.images import Image, write_image
from edge_runtime.measures.metrics import unit_rows
from edge_runtime.towers.tower import Tower

_WORKER = "edge_runtime.machine.cold_worker"
_TIMEOUT_S = 120


def cold_starts(tower: Tower, image_rgb: Image, words: list[str], *, runs: int) -> dict[str, Any] | None:
    """Start ``siamlite identify`` on one picture several times, each in a process of its own.

    The files are in the system's cache by then, as they are on a device that has been running.

    Args:
        tower: The tower; what the process loads is told in ``words``.
        image_rgb: The picture, uint8 of shape (height, width, 3).
        words: Options of the command that say which tower and how it is run.
        runs: How often; 0 for not at all.

    Returns:
        Medians ``cpu_s`` and ``wall_s`` from the start to the decision, the largest ``peak_mb`` (10⁶ bytes resident;
        None where the system does not tell), and the single ``runs``; None without runs.

    Raises:
        SiamliteError: The process failed.
    """
    if runs == 0:
        return None
    with tempfile.TemporaryDirectory() as folder:
        picture = write_image(Path(folder) / "frame.png", image_rgb)
        gallery = Path(folder) / "gallery.db"
        row = unit_rows(np.random.default_rng(2).normal(size=(1, tower.embedding_length)))[0]
        key = Path(folder) / "gallery.key"
        with Gallery.open(gallery, tower, create=True, access=Access(key_file=key)) as opened:
            opened.enrol("somebody", [Template(embedding=row, sharpness=50.0, interocular_px=50.0)])
        command = ["identify", "--source", str(picture), "--gallery", str(gallery), "--key-file", str(key)]
        measured = [_run([*command, "--frames", "1", "--threshold", "0.5", "--json", *words]) for _ in range(runs)]
    peaks = [run["peak_mb"] for run in measured if run["peak_mb"] is not None]
    return {
        "cpu_s": round(float(np.median([run["cpu_s"] for run in measured])), 3),
        "wall_s": round(float(np.median([run["wall_s"] for run in measured])), 3),
        "peak_mb": max(peaks) if peaks else None,
        "outcome": measured[0]["outcome"],
        "runs": measured,
    }


def _run(words: list[str]) -> dict[str, Any]:
    start = time.monotonic()
    try:
        ran = subprocess.run(
            [sys.executable, "-m", _WORKER, json.dumps({"start_s": start, "words": words})],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
            env=_environment(),
        )
        decision, measured = (json.loads(line) for line in ran.stdout.splitlines())
    except subprocess.TimeoutExpired as error:
        raise UsageError(f"the cold start took longer than {_TIMEOUT_S} s. Leave it out: --cold-starts 0") from error
    except ValueError as error:
        said = (ran.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise SiamliteError(f"the cold start failed: {said.removeprefix('error: ')}") from error
    return {**measured, "outcome": decision["outcome"]}


def _environment() -> dict[str, str]:
    """The same modules as here, wherever the process is started."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
