"""Passes of the suites, each by pytest in a process of its own, and other processes kept busy meanwhile."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.suite.machine import state
from edge_runtime.commands.console import say
from edge_runtime.errors import SiamliteError
from edge_runtime.files import read_json
from edge_runtime.machine.device import OtherWork

ROOT = Path(__file__).resolve().parents[2]
# The kernels and the stages have one core each; what a plugin loads before the suites must not change that.
_ENVIRONMENT = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
# Work of the kind that slows its neighbour down: it computes, and it goes through memory.
_LOAD = "import numpy as np; a = np.ones((1500, 1500), np.float32)\nwhile True: a = np.tanh(a @ a)"


def run_pass(kept: Path, words: Sequence[str], *, suites: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run suites once.

    Args:
        kept: Where pytest-benchmark writes.
        words: What pytest is told: files or folders, and options.
        suites: What they are called.

    Returns:
        What pytest-benchmark wrote, and how the machine was doing.

    Raises:
        SiamliteError: A suite failed; pytest has said which.
    """
    before, work, start = state(), OtherWork(), time.monotonic()
    ran = subprocess.run(
        [
            sys.executable, "-m", "pytest", *words, "--benchmark-only", "--benchmark-disable-gc", "--benchmark-quiet",
            f"--benchmark-json={kept}", "-q", "-p", "no:cacheprovider",
        ],
        cwd=ROOT,
        env=_ENVIRONMENT,
        stdout=sys.stderr,
        check=False,
    )  # fmt: skip
    if ran.returncode:
        raise SiamliteError(f"the suites {suites} failed; pytest has said why. Nothing was kept.")
    about = {
        "suites": suites,
        "before": before,
        "after": state(),
        "seconds": round(time.monotonic() - start),
        "other_work_cores": work.busy_cores(),
    }
    return read_json(kept, what="what pytest-benchmark wrote"), about


def run_passes(
    scratch: Path, folder: str, count: int, *, scored: bool = True
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Run the suites of a folder of ``benchmarks`` several times.

    Args:
        scratch: For what pytest-benchmark writes.
        folder: The folder.
        count: How often.
        scored: Whether the towers that are timed are scored, too, in the first pass.

    Returns:
        For each pass what pytest-benchmark wrote, and for each how the machine was doing.

    Raises:
        SiamliteError: A suite failed.
    """
    documents, abouts = [], []
    for number in range(1, count + 1):
        say(f"{folder}: pass {number} of {count}")
        # Error rates are the same in every pass.
        words = [f"benchmarks/{folder}", *(["--times-only"] if number > 1 or not scored else [])]
        document, about = run_pass(scratch / f"{folder}-{number}.json", words, suites=folder)
        documents.append(document)
        abouts.append(about)
    return documents, abouts


@contextlib.contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep processes busy for as long as the block runs."""
    processes = [subprocess.Popen([sys.executable, "-c", _LOAD], env=_ENVIRONMENT) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
