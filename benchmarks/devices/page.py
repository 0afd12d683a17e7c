"""docs/devices.md: one row for each device that was measured, and the boards that were not."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.parts import render_page
from benchmarks.seeds.tables import markdown
from edge_runtime.commands.console import EXIT_OK, say
from edge_runtime.errors import DataError
from edge_runtime.files import read_json, write_bytes
from edge_runtime.machine.state import MachineState, in_words

# How the boards call themselves, as Linux shows it, and where they stand in the table.
BOARDS = ("Raspberry Pi 5", "Raspberry Pi 4", "Raspberry Pi Zero 2 W")
NOT_MEASURED = "not measured"
# With more other work than this the milliseconds are those of the company, not of the device.
DISTURBED_CORES = 0.5
_SPEED = [
    "device", "tower, interpreter", "detect", "align", "embed", "whole frame", "with the tracker", "frames a second",
    "cold start, s", "peak MB",
]  # fmt: skip
_STATE = ["device", "governor", "temperature", "throttled", "power draw", "other work, cores", "siamlite, Python"]


def main(arguments: argparse.Namespace) -> int:
    """Write the page; returns the exit code."""
    say(f"written: {write_bytes(arguments.out, make_page(arguments.results).encode())}")
    return EXIT_OK


def make_page(results: Path) -> str:
    """The text of the page.

    Args:
        results: Folder of what ``siamlite bench --json`` printed on each device.

    Raises:
        DataError: One of the files is damaged or something else.
    """
    held = [read_json(path, what="a result of siamlite bench") for path in sorted(results.glob("*.json"))]
    try:
        measured = [(result["device"]["name"], speed_row(result), state_row(result)) for result in held]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{results} holds what siamlite bench --json did not print ({error!r}). Measure again."
        ) from error
    missing = [board for board in BOARDS if not any(name.startswith(board) for name, _, _ in measured)]
    speeds = [row for _, row, _ in measured] + [_empty(board, _SPEED) for board in missing]
    states = [row for _, _, row in measured] + [_empty(board, _STATE) for board in missing]
    own = ["yours", *[""] * (len(_SPEED) - 1)]
    tables = {"speed": markdown([_SPEED, *speeds, own]), "state": markdown([_STATE, *states])}
    return render_page(Path(__file__).resolve().parent, tables)


def speed_row(result: dict[str, Any]) -> list[str]:
    """How fast a device was: median and 95th percentile in milliseconds; whether other work disturbed it."""
    tower, stages, cold = result["tower"], result["stages"], result["cold_start"]
    disturbed = (result["other_work_cores"] or 0) > DISTURBED_CORES
    times = [stages.get(name) for name in ("detect", "align", "embed", "whole frame")]
    return [
        result["device"]["name"] + (" – **disturbed**" if disturbed else ""),
        f"{tower['name']} ({tower['recipe']}), {tower['interpreter']}, {tower['threads']} thread(s)",
        *map(_times, times),
        _times(result["tracker"]["whole frame"]),
        f"{result['frames_per_s']:g}, {result['tracked_frames_per_s']:g} tracked",
        "" if cold is None else f"{cold['cpu_s']:.2f}",
        "" if cold is None or cold["peak_mb"] is None else f"{cold['peak_mb']:g}",
    ]


def state_row(result: dict[str, Any]) -> list[str]:
    """How a device was doing meanwhile."""
    before, after = (in_words(MachineState(**result[name])) for name in ("before", "after"))
    change = {name: old if old == after[name] else f"{old} → {after[name]}" for name, old in before.items()}
    power, other, device = result.get("power"), result["other_work_cores"], result["device"]
    drawn = "not available" if power is None else f"{power['before_w']:g} → {power['mean_w']:g} W ({power['source']})"
    return [
        device["name"],
        change["governor"],
        change["temperature"],
        change["throttled"],
        drawn,
        "not available" if other is None else f"{other:g}",
        f"{device['siamlite']}, {device['python']}",
    ]


def _times(times: dict[str, float] | None) -> str:
    return "" if times is None else f"{times['p50_ms']:.2f} / {times['p95_ms']:.2f}"


def _empty(board: str, head: list[str]) -> list[str]:
    return [board, *[NOT_MEASURED] * (len(head) - 1)]
