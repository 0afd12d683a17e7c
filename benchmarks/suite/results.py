"""Where runs are kept: ``benchmarks/results/DEVICE/NAME.json``, and what is read of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge_runtime.errors import DataError, UsageError
from edge_runtime.files import read_json

RESULTS = Path(__file__).resolve().parents[1] / "results"
# The run that others are compared with and that the page is made of, and a second one of the same code under load.
BASELINE, LOADED = "baseline", "loaded"
# Whether the comparison is to be trusted on this device (benchmarks.suite.proof).
PROOF = "proof"
_KEYS = {"benchmarks", "kernels", "machine", "made", "command", "commit", "passes", "load_processes"}


def read_run(path: Path) -> dict[str, Any]:
    """Read a run.

    Raises:
        DataError: It is missing, damaged, or something else.
    """
    run = read_json(path, what="a run of the benchmarks")
    missing = sorted(_KEYS - run.keys())
    if missing:
        raise DataError(f"{path} is no run of the benchmarks: it lacks {', '.join(missing)}. Make one: make bench")
    return run


def device_folders(results: Path = RESULTS) -> list[Path]:
    """The folders of the devices that have a baseline, by name."""
    return sorted(path.parent for path in results.glob(f"*/{BASELINE}.json"))


def newest_run(folder: Path) -> Path:
    """The newest run of a device that is none of those that are kept.

    Raises:
        UsageError: There is none.
    """
    runs = [path for path in folder.glob("*.json") if path.stem not in (BASELINE, LOADED, PROOF)]
    if not runs:
        raise UsageError(f"no new run of this device in {folder}. Make one: make bench")
    return max(runs, key=lambda path: path.stat().st_mtime)
