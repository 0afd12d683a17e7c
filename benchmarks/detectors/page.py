"""The figures as tables, and their block in docs/detection.md."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.detectors.measure import least_share
from edge_runtime.errors import DataError
from edge_runtime.files import write_bytes

BEGIN, END = "<!-- made by: python -m benchmarks.detectors --write -->", "<!-- end -->"


def described() -> str:
    """The device and the versions that measure, in a line."""
    names = ("ai-edge-litert", "opencv-python-headless", "numpy")
    return f"{platform.machine()}, one thread, " + ", ".join(f"{name} {version(name)}" for name in names)


def tables(result: dict[str, Any]) -> list[list[list[str]]]:
    """Rows of words: what is found at which size, cost and exactness, and photographs as shot if there were any."""
    pasted = result["pasted"]
    out = [_found(pasted, shape) for shape in pasted[0]["cpu_ms"]]
    out.append(_exactness(pasted))
    if "photos" in result:
        out.append(_as_shot(result["photos"]))
    return out


def _found(rows: list[dict[str, Any]], shape: str) -> list[list[str]]:
    sizes = list(rows[0]["found"][shape])
    lines = [[f"found in {shape}", *(f"{size} px" for size in sizes), "CPU ms", "p95"]]
    for row in rows:
        rates = [f"{row['found'][shape][size]:.0%}" for size in sizes]
        lines.append([row["detector"], *rates, *(f"{ms:.1f}" for ms in row["cpu_ms"][shape])])
    return lines


def _exactness(rows: list[dict[str, Any]]) -> list[list[str]]:
    lines = [["all pasted", "smallest face", "false", "eyes off", "p95", "after refining", "p95"]]
    for row in rows:
        false = f"{row['false']} in {row['frames']}"
        lines.append([row["detector"], f"{least_share(row):.1%}", false, *_offs(row)])
    return lines


def _as_shot(rows: list[dict[str, Any]]) -> list[list[str]]:
    lines = [["photographs", "found", "others", "eyes off", "p95", "after refining", "p95", "CPU ms", "p95"]]
    for row in rows:
        found = f"{row['found']['as shot']['0']:.1%} of {row['faces']}"
        others = f"{row['false']} in {row['frames']}"
        lines.append([row["detector"], found, others, *_offs(row), *(f"{ms:.1f}" for ms in row["cpu_ms"]["as shot"])])
    return lines


def _offs(row: dict[str, Any]) -> list[str]:
    return [f"{value:.1f} %" for value in row["eyes_off"] + row["eyes_off_refined"]] or ["-"] * 4


def block(result: dict[str, Any]) -> str:
    """The generated part of the page."""
    parts = [BEGIN, f"Measured on {result['made']}."]
    for rows in tables(result):
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        parts.append("\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]))
    return "\n\n".join([*parts, END])


def write_page(page: Path, result: dict[str, Any]) -> Path:
    """Put the block where the page's old one is.

    Raises:
        DataError: The page has no place for it.
        WriteError: It cannot be written.
    """
    text = page.read_text()
    if BEGIN not in text or END not in text:
        raise DataError(f"{page} has no block between {BEGIN!r} and {END!r}.")
    before, after = text.split(BEGIN)[0], text.split(END, 1)[1]
    return write_bytes(page, (before + block(result) + after).encode())
