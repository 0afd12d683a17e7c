"""``python -m benchmarks.compatibility page``: docs/compatibility.md out of the results, by a template."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.parts import render_page
from benchmarks.seeds.tables import markdown
from edge_runtime.commands.console import EXIT_OK, say
from edge_runtime.errors import DataError
from edge_runtime.files import read_json, write_bytes
from export.conversion.recipes import RECIPES
from export.preflight.table import TABLE

# The newest first; the JSON files are sorted by name.
_ORDER = ("ai-edge-litert-2", "ai-edge-litert-1.4", "tflite-runtime-2.14")


def main(arguments: argparse.Namespace) -> int:
    """Write the page; returns the exit code."""
    say(f"written: {write_bytes(arguments.out, make_page(arguments.results).encode())}")
    return EXIT_OK


def make_page(results: Path, table: Path = TABLE) -> str:
    """The text of the page.

    Args:
        results: What ``matrix`` wrote.
        table: What ``table`` wrote.

    Raises:
        DataError: One of them is missing or damaged.
    """
    held = read_json(results, what="the results of benchmarks.compatibility matrix")
    known = read_json(table, what="the table of runtimes")
    try:
        values = {
            "made": _made(held),
            "towers": [_tower(name, held) for name in ("tutorial", "plain", "mobilefacenet")],
            "pictures": held["pictures"],
            "rounds": held["rounds"],
            "kept_float": held["kept_float"],
            "wrong": _exceptions(known, "wrong"),
            "refused": _exceptions(known, "refused"),
            "versions": _versions(known),
            "models": len(known["models"]),
            "signatures": {name: len(known["runtimes"][name]["runs"]) for name in _ORDER},
            "min_cosine": known["min_cosine"],
        }
    except (KeyError, TypeError) as error:
        raise DataError(f"{results} or {table} is damaged ({error!r}). Measure again.") from error
    return render_page(Path(__file__).parent, values)


def _tower(name: str, held: dict[str, Any]) -> dict[str, Any]:
    tower = held["towers"][name]
    head = ["recipe", "kB"]
    for runtime in _ORDER:
        interpreter = held["interpreters"][runtime]
        head += [f"{interpreter}: cosine (lowest)", "× float32", "p95, ms"]
    rows = [head]
    for recipe in sorted(tower["bytes"], key=_rank):
        row = [f"`{recipe}`", f"{tower['bytes'][recipe] / 1000:,.0f}"]
        for runtime in _ORDER:
            row += _cells(tower["runtimes"][runtime][recipe])
        rows.append(row)
    old = tower["agreement"]["tflite-runtime-2.14"]["int8"]
    return {
        "name": name,
        "table": markdown(rows),
        "size_px": tower["size_px"],
        "kept": ", ".join(f"`{layer}`" for layer in tower["kept_float"]),
        "float_ms": {runtime: tower["runtimes"][runtime]["float32"]["median_ms"] for runtime in _ORDER},
        "same_bytes": all(one["identical"] for one in tower["agreement"]["ai-edge-litert-1.4"].values()),
        "old_mean": old["cosine_mean"],
        "old_min": old["cosine_min"],
    }


def _rank(recipe: str) -> int:
    return list(RECIPES).index(recipe) if recipe in RECIPES else len(RECIPES)


def _cells(row: dict[str, Any]) -> list[str]:
    if not row["loads"]:
        return ["**refused**", "–", "–"]
    if not row["runs"]:
        return ["**fails**", "–", "–"]
    cosine = f"{row['cosine_mean']:.4f} ({row['cosine_min']:.4f})"
    # Nothing of a face is left of it.
    cosine = f"**garbage**: {cosine}" if row["cosine_mean"] < 0.5 else cosine
    return [cosine, f"{row['ratio']:.2f}", f"{row['p95_ms']:.2f}"]


def _exceptions(known: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [
        {"runtime": known["runtimes"][name]["interpreter"], "signature": signature, "seen": seen}
        for name in _ORDER
        for signature, seen in known["runtimes"][name][kind].items()
    ]


def _versions(known: dict[str, Any]) -> str:
    """Operators of towers whose highest known version differs between the interpreters."""
    held = [known["runtimes"][name] for name in _ORDER]
    rows = [["operator", *(runtime["interpreter"] for runtime in held)]]
    measured = {signature.split()[0] for signature in held[0]["runs"]}
    for operator in sorted(measured):
        highest = [runtime["versions"].get(operator, [0, 0])[1] for runtime in held]
        if len(set(highest)) > 1:
            rows.append([f"`{operator}`", *(str(number) if number else "none" for number in highest)])
    return markdown(rows)


def _made(held: dict[str, Any]) -> str:
    machine = held["machine"]
    return f"`{held['command']}`, {machine['processor']}, {machine['cores']} cores"
