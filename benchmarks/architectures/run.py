"""One candidate after the other, then all of them timed in turns; what is done is not done again."""

from __future__ import annotations

import argparse
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.architectures import page, people, plot, scores, times
from benchmarks.architectures.candidates import Candidate, read_candidates
from benchmarks.architectures.starts import Wide, make_start
from benchmarks.architectures.training import SHORT, Teacher, Trained, config_of, train
from benchmarks.seeds.record import machine
from edge_runtime.commands.console import EXIT_OK, emit, say
from edge_runtime.errors import UsageError
from edge_runtime.files import read_json, write_bytes, write_json
from edge_runtime.towers.preprocess import InputSpec
from train.data.faces import load_faces
from train.data.split import Split
from train.fitting.run import RunFolder, read_description

_PACKAGES = ("tensorflow", "keras", "ai-edge-litert")


def main(arguments: argparse.Namespace) -> int:
    """Train, measure, time, and write the page; returns the exit code."""
    if arguments.faces is not None:
        say(f"written: {write_json(arguments.results, _measure(arguments))}")
    results: dict[str, Any] | None = None
    if arguments.results.is_file():
        results = read_json(arguments.results, what="the results of the architectures")
        say(f"written: {plot.draw(results, arguments.plot)}")
    if arguments.json:
        emit(results or {})
    say(f"written: {write_bytes(arguments.page, page.make_page(results).encode())}")
    say("next: git diff docs benchmarks/architectures")
    return EXIT_OK


def _measure(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.out is None or not (arguments.wide or arguments.teacher):
        raise UsageError("FACES needs --out FOLDER to work in, and --wide or --teacher to learn from.")
    if not 0 < arguments.minutes <= 100_000:
        raise UsageError(f"--minutes must be above 0 and at most 100000, not {arguments.minutes:g}.")
    candidates = read_candidates(arguments.candidates)
    _keep_plan(arguments)
    split = people.plan_split(arguments.faces, arguments.split, arguments.out / "split.json")
    rows = []
    for candidate in candidates:
        if arguments.finished and not _is_trained(arguments.out / candidate.name):
            say(f"{candidate.name}: not trained yet, left out")
            continue
        rows.append(_one(candidate, arguments, split))
    if not rows:
        raise UsageError("no candidate is trained yet. Leave out --finished.")
    reference = _reference(arguments, split)
    timed = times.time_all(arguments.out, [row["name"] for row in rows], threads=1, repeats=arguments.repeats)
    for row in rows:
        row["ms"] = timed.candidates[row["name"]]
    return {
        "settings": {"recipe": arguments.recipe, "short": list(SHORT), "set": arguments.set, **_numbers(arguments)},
        "people": {"trained": len(split.train), "measured": len(people.some_people(split, arguments.people))},
        "reference": {**reference, "ms": timed.reference},
        "candidates": _rounded(rows),
        "busy_cores": timed.busy_cores,
        "machine": machine(),
        "versions": {name: version(name) for name in _PACKAGES},
    }


def _numbers(arguments: argparse.Namespace) -> dict[str, Any]:
    return {name: getattr(arguments, name) for name in ("minutes", "calibration", "people", "judges", "repeats")}


def _keep_plan(arguments: argparse.Namespace) -> None:
    """Write down what all candidates share, or refuse another plan in the folder of a first."""
    plan = {name: getattr(arguments, name) for name in ("recipe", "minutes", "set", "calibration", "people", "judges")}
    path = arguments.out / "plan.json"
    if not path.is_file():
        write_json(path, plan)
    elif (held := read_json(path, what="the plan")) != plan:
        other = next(name for name in plan if held.get(name) != plan[name])
        raise UsageError(
            f"{arguments.out} was begun with --{other} {held.get(other)}, not {plan[other]}. Give the same, or "
            "another --out."
        )


def _is_trained(folder: Path) -> bool:
    run = RunFolder(root=folder / "run")
    return run.config.is_file() and bool(read_description(run).get("finished"))


def _one(candidate: Candidate, arguments: argparse.Namespace, split: Split) -> dict[str, Any]:
    """All that is measured of a candidate but its time."""
    folder = arguments.out / candidate.name
    kept = folder / "measured.json"
    if kept.is_file() and (held := read_json(kept, what="a measured candidate"))["candidate"] == candidate.as_mapping():
        return dict(held["row"])
    same = folder / "candidate.json"
    if same.is_file() and read_json(same, what="a candidate") != candidate.as_mapping():
        raise UsageError(f"{folder} holds another candidate of this name. Remove it, or choose another name.")
    write_json(same, candidate.as_mapping())
    start, solving = make_start(candidate, _wide(candidate, arguments, split), folder, arguments.out / "narrowed")
    data = arguments.faces if candidate.faces == "close" else arguments.wide_faces
    if data is None:
        raise UsageError(f"candidate {candidate.name} sees the wide network's crops: give --wide-faces FOLDER.")
    config = config_of(
        candidate,
        start,
        Teacher(path=arguments.teacher or arguments.wide, faces=arguments.wide_faces),
        recipe=arguments.recipe,
        minutes=arguments.minutes,
        settings=arguments.set,
    )
    trained = train(data, folder / "run", config, arguments.out / "split.json")
    row = {**_row(candidate, trained, solving), **_figures(folder, config.input, data, trained, arguments, split)}
    write_json(kept, {"candidate": candidate.as_mapping(), "row": row})
    return row


def _row(candidate: Candidate, trained: Trained, solving: float) -> dict[str, Any]:
    return {
        "name": candidate.name,
        "words": candidate.in_words(),
        "inherited": candidate.narrowed,
        "size_px": candidate.size_px,
        "faces": candidate.faces,
        "start_seconds": solving,
        "steps": trained.steps,
        "shown": trained.pictures,
        "cpu_seconds": trained.cpu_seconds,
    }


def _figures(
    folder: Path, spec: InputSpec, data: Path, trained: Trained, arguments: argparse.Namespace, split: Split
) -> dict[str, Any]:
    say(f"{folder.name}: converting and comparing …")
    seen = people.see(data, spec, split, people=arguments.people, calibration=arguments.calibration)
    made = scores.convert(trained.run.tower, spec, seen.calibration, folder)
    rows = {kind: scores.embed(made.files[kind], spec, seen.measured) for kind in scores.KINDS}
    return {
        "parameters": made.parameters,
        "macs": made.macs,
        "bytes": {kind: len(data) for kind, data in made.files.items()},
        "pictures": len(seen.measured.labels),
        "likeness": scores.likeness(rows["float32"], rows["int8"]),
        **{kind: scores.figures(rows[kind], seen.measured.labels) for kind in scores.KINDS},
    }


def _wide(candidate: Candidate, arguments: argparse.Namespace, split: Split) -> Wide | None:
    """The wide network with the faces that its channels are judged by; None where nothing is narrowed from it."""
    if not candidate.narrowed or arguments.wide is None or arguments.wide_faces is None:
        return None
    faces = load_faces(arguments.wide_faces, times.REFERENCE_SPEC)
    rows = people.calibration_rows(faces, frozenset(split.train), arguments.judges)
    return Wide(path=arguments.wide, judges=faces.take(rows))


def _reference(arguments: argparse.Namespace, split: Split) -> dict[str, Any]:
    """The shipped tower on the same people; only its name without the crops that it sees."""
    kept = arguments.out / "reference.json"
    if kept.is_file():
        return read_json(kept, what="the measured reference")
    held: dict[str, Any] = {"name": times.REFERENCE}
    if arguments.wide_faces is not None:
        say(f"{times.REFERENCE}: comparing …")
        seen = people.see(arguments.wide_faces, times.REFERENCE_SPEC, split, people=arguments.people, calibration=2)
        rows = scores.embed(times.reference_file(), times.REFERENCE_SPEC, seen.measured)
        held["int8"] = _rounded(scores.figures(rows, seen.measured.labels))
    write_json(kept, held)
    return held


def _rounded(value: Any) -> Any:
    """Floats to six digits, as :mod:`json` can hold them."""
    return json.loads(json.dumps(value), parse_float=lambda text: float(f"{float(text):.6g}"))
