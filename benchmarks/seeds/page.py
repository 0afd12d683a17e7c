"""``python -m benchmarks.seeds page``: docs/seeds.md out of the results, by a template."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.parts import render_page
from benchmarks.seeds.record import PARTS, read_result
from benchmarks.seeds.tables import att_table, fashion_table, losses_table
from edge_runtime.commands.console import EXIT_OK, say
from edge_runtime.files import write_bytes

_TABLES = {"fashion": fashion_table, "losses": losses_table, "att": att_table}


def main(arguments: argparse.Namespace) -> int:
    """Write the page; returns the exit code."""
    say(f"written: {write_bytes(arguments.out, make_page(arguments.results).encode())}")
    return EXIT_OK


def make_page(results: Path) -> str:
    """The text of the page.

    Args:
        results: Folder of the JSON files; a part that was not measured yet is left out.

    Raises:
        DataError: A file is damaged.
    """
    values: dict[str, Any] = {}
    for part in PARTS:
        if not (results / f"{part}.json").is_file():
            values[part] = None
            continue
        result = read_result(results, part)
        values[part] = {**result, "table": _TABLES[part](result), "made": _made(result)}
    if values["fashion"]:
        tutorials = [row for row in values["fashion"]["rows"] if row["recipe"] == "fashion-tutorial"]
        values["tutorial"] = max(tutorials, key=lambda row: int(row["epochs"]))
    return render_page(Path(__file__).parent, values)


def _made(result: dict[str, Any]) -> str:
    """With what the figures were made, in a line."""
    machine = result["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    return f"`{result['command']}`, {machine['processor']}, {machine['cores']} cores, {versions}"
