"""``python -m benchmarks.page``: docs/benchmarks.md and its pictures, out of the results that are kept."""

from __future__ import annotations

import argparse
import math
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.parts import render_page
from benchmarks.suite import tables
from benchmarks.suite.agreement import WITHIN, Agreement, agreements
from benchmarks.suite.plots import stages_plot, towers_plot
from benchmarks.suite.results import BASELINE, LOADED, PROOF, RESULTS, device_folders, read_run
from edge_runtime.commands.console import EXIT_OK, emit, run_command, say
from edge_runtime.errors import DataError
from edge_runtime.files import read_json, write_bytes

_ROOT = Path(__file__).resolve().parents[1]
PAGE = _ROOT / "docs/benchmarks.md"
# Packages with a ``result.json`` and a ``page.section(result)`` that gives a part of the page, headed with ``##``:
# those that come before this machine's own tables, and those that come behind them.
FIRST = ("benchmarks.peers",)
LAST = ("benchmarks.limits",)


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help="default: benchmarks/results")
    parser.add_argument("--out", type=Path, default=PAGE, metavar="FILE.md", help="default: docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", help="print the paths as JSON on standard output")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> int:
    pictures, text = make_page(options.results)
    for name, data in pictures.items():
        write_bytes(options.out.parent / name, data)
    say(f"written: {write_bytes(options.out, text.encode())}")
    if options.json:
        emit({"page": str(options.out), "pictures": [str(options.out.parent / name) for name in pictures]})
    return EXIT_OK


def make_page(results: Path = RESULTS) -> tuple[dict[str, bytes], str]:
    """The page and its pictures.

    Args:
        results: Folder with a folder for each device.

    Returns:
        The pictures by their path from the page, and the text.

    Raises:
        DataError: There is no baseline, or a file is damaged.
    """
    folders = device_folders(results)
    if not folders:
        raise DataError(f"no device with a baseline in {results}. Make one: make bench BENCH='--name {BASELINE}'")
    pictures: dict[str, bytes] = {}
    devices = []
    for folder in folders:
        try:
            devices.append(_device(folder, pictures))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise DataError(f"a run in {folder} is damaged ({error!r}). Make it again: make bench") from error
    values = {"first": sections(FIRST), "last": sections(LAST), "devices": devices, "within": f"{WITHIN:.0%}"}
    return pictures, render_page(Path(__file__).parent, values)


def sections(packages: tuple[str, ...]) -> list[str]:
    """What other measurements add to the page, as far as they are there.

    Raises:
        DataError: A result is damaged.
    """
    found = []
    for package in packages:
        folder = _ROOT / package.replace(".", "/")
        if (folder / "result.json").is_file() and find_spec(package) and find_spec(f"{package}.page"):
            result = read_json(folder / "result.json", what=f"the result of {package}")
            found.append(str(import_module(f"{package}.page").section(result)).strip())
    return found


def _device(folder: Path, pictures: dict[str, bytes]) -> dict[str, Any]:
    """What the template needs of one device; its pictures are put to the others."""
    run = read_run(folder / f"{BASELINE}.json")
    loaded = read_run(folder / f"{LOADED}.json") if (folder / f"{LOADED}.json").is_file() else None
    proof = folder / f"{PROOF}.json"
    both = {} if loaded is None else {one.name: one for one in _agreements(run, loaded, "computed")}
    by_clock = [] if loaded is None else _agreements(run, loaded, "clock")
    names = {"stages": f"images/bench-{folder.name}-stages.svg", "towers": f"images/bench-{folder.name}-towers.svg"}
    pictures[names["stages"]] = stages_plot(run)
    has_scores = bool(tables.scored(run))
    if has_scores:
        pictures[names["towers"]] = towers_plot(run)
    return {
        "name": run["machine"]["name"],
        "run": run,
        "loaded": loaded,
        "about": tables.machine_lines(run),
        "about_loaded": None if loaded is None else tables.machine_lines(loaded),
        "pictures": names,
        "stages": tables.stage_table(run, both),
        "towers": tables.accuracy_table(run) if has_scores else None,
        "threads": tables.thread_table(run),
        "desktop": tables.desktop_table(run),
        "kernels": tables.kernel_table(run),
        "compared": len(both),
        "apart": [one for one in both.values() if not one.within],
        "clock_apart": sum(not one.within for one in by_clock),
        "proof": _proof(read_json(proof, what="a proof of the comparison")) if proof.is_file() else None,
    }


def _agreements(run: dict[str, Any], loaded: dict[str, Any], clock: str) -> list[Agreement]:
    return agreements(run["benchmarks"], loaded["benchmarks"], clock=clock)


def _proof(held: dict[str, Any]) -> dict[str, Any]:
    others = [cores for cores in held["other_work_cores"] if cores is not None]
    return {
        **held,
        "table": tables.proof_table(held),
        "others": f"{min(others):g} to {max(others):g}" if others else "an unknown number of",
        "runs": held["comparisons"] // len(held["benchmarks"]),
        "false_slower": sum(flag["verdict"] == "slower" for flag in held["false_flags"]),
        "chance": math.comb(2 * held["passes"], held["passes"]),
    }


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None))
